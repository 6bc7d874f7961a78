#pragma once
// One JSON object a line, to stderr: time, level, message, and what belongs to it.
#include <initializer_list>
#include <string>
#include <utility>

namespace ayb::app {

using LogFields = std::initializer_list<std::pair<const char *, std::string>>;

// "none", "error", "warning", "information" or "debug". Throws UsageError at another one.
void start_log(const std::string &level);

void log_error(const std::string &message, LogFields fields = {});
void log_warning(const std::string &message, LogFields fields = {});
void log_information(const std::string &message, LogFields fields = {});

} // namespace ayb::app
