#include "app/settings.hpp"

#include "db/connection.hpp"
#include "login/right.hpp"

#include <Poco/AutoPtr.h>
#include <Poco/Exception.h>
#include <Poco/Util/PropertyFileConfiguration.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace ayb::app {

namespace {

using Kind = Setting::Kind;

std::string variable_of(std::string name) {
    for (char &c : name)
        c = c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    return "AYB_JOBS_" + name;
}

const Setting *find(const std::string &name) {
    const auto &all = all_settings();
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const Setting &setting) { return setting.name == name; });
    return found == all.end() ? nullptr : &*found;
}

bool is_number(const std::string &text) {
    long long value = 0;
    const char *last = text.data() + text.size();
    const auto result = std::from_chars(text.data(), last, value);
    return result.ec == std::errc() && result.ptr == last && value >= 0;
}

std::string first_word(const std::string &words) { return words.substr(0, words.find(' ')); }

bool is_word(const std::string &value, const std::string &words) {
    return !value.empty() && value.find(' ') == std::string::npos &&
           (" " + words + " ").find(" " + value + " ") != std::string::npos;
}

bool is_dsn(const std::string &name) { return name == "dsn" || name == "realtime-dsn"; }

// "" where the name is none of database.NAME.dsn.
std::string database_of(const std::string &setting) {
    constexpr std::string_view kBegin = "database.", kEnd = ".dsn";
    if (setting.size() <= kBegin.size() + kEnd.size() ||
        setting.compare(0, kBegin.size(), kBegin) != 0 ||
        setting.compare(setting.size() - kEnd.size(), kEnd.size(), kEnd) != 0)
        return "";
    return setting.substr(kBegin.size(), setting.size() - kBegin.size() - kEnd.size());
}

} // namespace

const std::vector<Setting> &all_settings() {
    static const std::vector<Setting> all = {
        {"config", "", "a file with further settings, name = value a line"},
        {"dsn", "", "libpq connection string; without one the PG* environment"},
        {"listen", "127.0.0.1:8090", "address and port"},
        {"password", "", "what admins log in with (not as a flag: others see those)", Kind::secret},
        {"password-file", "", "a file whose first line is the password; read anew at each use"},
        {"token-file", "", "a file whose first line is a token that is always taken"},
        {"tokens-file", "", "a file with named tokens: name, right and SHA-256 a line"},
        {"no-auth", "false",
         "let everybody in, to read or with that right; on a loopback address only", Kind::flag,
         "read operate admin false"},
        {"allow-commands", "false",
         "let admins make jobs of the types command, delete_expired, http", Kind::flag},
        {"token-lifetime", "86400", "seconds until a token ends", Kind::number},
        {"login-limit", "20", "attempts a minute and address", Kind::number},
        {"trusted-proxies", "", "addresses or networks whose X-Forwarded-For is believed"},
        {"cors-origins", "", "origins that a browser may call from"},
        {"tls-certificate", "", "PEM file; with tls-key, TLS is spoken"},
        {"tls-key", "", "PEM file"},
        {"threads", "8", "requests that are worked at at the same time", Kind::number},
        {"pool-size", "8", "sessions with the database, at most", Kind::number},
        {"pool-wait", "2000", "milliseconds that a request waits for a session", Kind::number},
        {"statement-timeout", "15000", "milliseconds that a statement may take", Kind::number},
        {"refresh-timeout", "3600000", "milliseconds that a refresh may take", Kind::number},
        {"max-connections", "4096", "clients at the same time", Kind::number},
        {"max-listeners", "256", "listeners to events at the same time", Kind::number},
        {"metrics-types", "100", "types with series of their own in /metrics", Kind::number},
        {"metrics-auth", "false", "whether /metrics takes a token of the right read", Kind::flag},
        {"realtime-dsn", "", "libpq connection string of who asks for changes; without one, none"},
        {"realtime-role", "ayb_authenticated", "the role that users are in the database"},
        {"realtime-secret-file", "", "a file with the secret of their tokens, or two, a line each"},
        {"realtime-claims", "ayb.user_id=sub, ayb.user_email=email?",
         "settings that policies look at, and the claims that they are"},
        {"realtime-refuse", "mfa_pending, mfaPending, MFAPending",
         "claims that a token must not have"},
        {"realtime-audience", "", "whom tokens have to be for"},
        {"realtime-issuer", "", "who has to have made them"},
        {"realtime-streams", "10000", "streams of changes at the same time", Kind::number},
        {"realtime-identity-streams", "20", "of them, of one user", Kind::number},
        {"realtime-address-streams", "1024", "of them, of one address", Kind::number},
        {"realtime-budget", "50", "milliseconds a second to find out what a user may see",
         Kind::number},
        {"realtime-buffer", "64", "MB that wait for clients to take them", Kind::number},
        {"header-timeout", "10000", "milliseconds to send the head of a request", Kind::number},
        {"body-timeout", "30000", "milliseconds to send the body", Kind::number},
        {"idle-timeout", "60000", "milliseconds between two requests", Kind::number},
        {"stop-timeout", "10000", "milliseconds to finish requests at SIGTERM", Kind::number},
        {"log-level", "information", "none, error, warning, information or debug"}};
    return all;
}

Settings::Settings(std::vector<std::string> &arguments) {
    take_flags(arguments);
    take_environment();
    take_file();
    for (const Setting &setting : all_settings())
        set(setting, setting.fallback, "default");
}

// The first source that names a setting wins.
void Settings::set(const Setting &setting, const std::string &value, const char *source) {
    if (values_.count(setting.name) != 0)
        return;
    const bool bad = (setting.kind == Kind::number && !is_number(value)) ||
                     (setting.kind == Kind::flag && !is_word(value, setting.words));
    if (bad)
        throw UsageError(std::string(setting.name) + " can't be \"" + value + "\"");
    values_[setting.name] = value;
    sources_[setting.name] = source;
}

void Settings::set_database(const std::string &name, const std::string &dsn, const char *source) {
    if (!login::is_name(name))
        throw UsageError("a database's name has letters, digits, _ and -, at most 64: " + name);
    databases_.emplace(name, std::pair(dsn, source)); // the first source wins
}

std::vector<std::pair<std::string, std::string>> Settings::databases() const {
    std::vector<std::pair<std::string, std::string>> all;
    if (databases_.empty() || sources_.at("dsn") != "default")
        all.emplace_back("default", text("dsn"));
    if (!all.empty() && databases_.count("default") != 0)
        throw UsageError("dsn and database.default.dsn are the same");
    for (const auto &[name, dsn] : databases_)
        all.emplace_back(name, dsn.first);
    return all;
}

void Settings::take_flags(std::vector<std::string> &arguments) {
    std::vector<std::string> rest;
    for (std::size_t i = 0; i < arguments.size(); i++) {
        const std::string argument = arguments[i];
        const std::size_t equals = std::min(argument.find('='), argument.size());
        const std::string name =
            argument.compare(0, 2, "--") == 0 ? argument.substr(2, equals - 2) : "";
        const Setting *setting = find(name);
        const std::string database = database_of(name);
        std::string value;
        if (database.empty() && (setting == nullptr || setting->kind == Kind::secret)) {
            rest.push_back(argument);
            continue;
        }
        if (equals < argument.size())
            value = argument.substr(equals + 1);
        else if (setting != nullptr && setting->kind == Kind::flag)
            value = first_word(setting->words);
        else if (i + 1 < arguments.size())
            value = arguments[++i];
        else
            throw UsageError(argument + " needs a value");
        if (setting != nullptr)
            set(*setting, value, "flag");
        else
            set_database(database, value, "flag");
    }
    arguments = std::move(rest);
}

void Settings::take_environment() {
    for (const Setting &setting : all_settings())
        if (const char *value = std::getenv(variable_of(setting.name).c_str()))
            set(setting, value, "environment");
}

void Settings::take_file() {
    const auto file = values_.find("config");
    if (file == values_.end() || file->second.empty())
        return;
    try {
        const Poco::AutoPtr<Poco::Util::PropertyFileConfiguration> properties(
            new Poco::Util::PropertyFileConfiguration(file->second));
        std::vector<std::string> names, databases;
        properties->keys(names);
        properties->keys("database", databases);
        for (const std::string &name : databases)
            set_database(name, properties->getRawString("database." + name + ".dsn"), "file");
        for (const std::string &name : names) {
            const Setting *setting = find(name);
            if (name == "database")
                continue;
            if (setting == nullptr)
                throw UsageError(file->second + ": there is no setting \"" + name + "\"");
            set(*setting, properties->getRawString(name), "file");
        }
    } catch (const Poco::Exception &error) {
        throw UsageError(file->second + ": " + error.displayText());
    }
}

long long Settings::number(const std::string &name) const { return std::stoll(values_.at(name)); }

std::vector<std::string> Settings::words(const std::string &name) const {
    std::vector<std::string> words;
    std::string word;
    for (const char c : values_.at(name) + ",") {
        if (c != ',' && c != ' ') {
            word.push_back(c);
        } else if (!word.empty()) {
            words.push_back(word);
            word.clear();
        }
    }
    return words;
}

std::string Settings::print() const {
    std::string out;
    for (const Setting &setting : all_settings()) {
        std::string value = values_.at(setting.name);
        if (setting.kind == Kind::secret && !value.empty())
            value = "****";
        else if (is_dsn(setting.name) && !value.empty())
            value = db::masked(value);
        out +=
            std::string(setting.name) + " = " + value + "  # " + sources_.at(setting.name) + "\n";
    }
    for (const auto &[name, dsn] : databases_)
        out += "database." + name + ".dsn = " + db::masked(dsn.first) + "  # " + dsn.second + "\n";
    return out;
}

} // namespace ayb::app
