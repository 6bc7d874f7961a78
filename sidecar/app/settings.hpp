#pragma once
// Settings: a flag goes before the environment (AYB_JOBS_…), that before the file (Poco's
// properties), that before the default.
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace ayb::app {

// The command line is wrong: exit status 2.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Setting {
    const char *name; // --name, AYB_JOBS_NAME with _ for -, name in the file
    const char *fallback;
    const char *help;
    enum class Kind { text, number, flag, secret } kind = Kind::text;
    const char *words = "true false"; // what a flag can be; alone it is the first
};

const std::vector<Setting> &all_settings();

class Settings {
  public:
    // Takes out of `arguments` the flags that are settings, and leaves the rest. Throws UsageError.
    explicit Settings(std::vector<std::string> &arguments);

    const std::string &text(const std::string &name) const { return values_.at(name); }
    long long number(const std::string &name) const;
    bool flag(const std::string &name) const { return values_.at(name) == "true"; }
    // What stands between commas.
    std::vector<std::string> words(const std::string &name) const;

    // DSNs by name. One at least: where dsn is given, or no database.NAME.dsn, it is that of
    // "default". Throws UsageError where a name is given twice.
    std::vector<std::pair<std::string, std::string>> databases() const;

    // "name = value" a line, with where it comes from; secrets hidden.
    std::string print() const;

  private:
    void take_flags(std::vector<std::string> &arguments);
    void take_environment();
    void take_file();
    void set_database(const std::string &name, const std::string &dsn, const char *source);
    void set(const Setting &setting, const std::string &value, const char *source);

    std::map<std::string, std::string> values_;
    std::map<std::string, std::string> sources_;
    std::map<std::string, std::pair<std::string, const char *>> databases_; // dsn and source
};

} // namespace ayb::app
