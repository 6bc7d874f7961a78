#pragma once
// One JSON object a line, to stderr: time, level, message, and what belongs to it.
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>

namespace ayb::app {

// Text, which is left out where it is empty, or a number. What is logged says so by its own type.
class LogValue {
  public:
    // NOLINTBEGIN(google-explicit-constructor)
    LogValue(std::string text) : text_(std::move(text)) {}
    LogValue(const char *text) : text_(text) {}
    template <class Number, class = std::enable_if_t<std::is_integral_v<Number>>>
    LogValue(Number number) : text_(std::to_string(number)), number_(true) {}
    // NOLINTEND(google-explicit-constructor)

    std::string json() const; // "" where it is left out

  private:
    std::string text_;
    bool number_ = false;
};

using LogFields = std::initializer_list<std::pair<const char *, LogValue>>;

// "none", "error", "warning", "information" or "debug". Throws UsageError at another one.
void start_log(const std::string &level);

void log_error(const std::string &message, LogFields fields = {});
void log_warning(const std::string &message, LogFields fields = {});
void log_information(const std::string &message, LogFields fields = {});

} // namespace ayb::app
