#include "cli/cli.hpp"

#include "cli/command.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace ayb::cli {

namespace {

constexpr int kUnknown = 3; // of health, for monitoring

// Only a group lacks one.
std::string verbs_of(const std::string &group) {
    std::string verbs;
    for (const Command &command : all_commands())
        if (command.group == group)
            verbs += (verbs.empty() ? ": " : ", ") + std::string(command.verb);
    return verbs;
}

const Command &find(std::vector<std::string> &words) {
    for (const Command &command : all_commands()) {
        const std::size_t length = *command.group != '\0' ? 2 : 1;
        if (words.size() < length || words[length - 1] != command.verb ||
            (length == 2 && words[0] != command.group))
            continue;
        words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(length));
        return command;
    }
    throw UsageError((words.size() > 1 ? "unknown command " + words[0] + " " + words[1]
                                       : words[0] + " needs a verb") +
                     verbs_of(words[0]));
}

const Option *find_option(const Command &command, const std::string &name) {
    for (const std::vector<Option> *options : {&command.options, &common_options()})
        for (const Option &option : *options)
            if (option.name == name)
                return &option;
    return nullptr;
}

bool is_number(const std::string &text) {
    return !text.empty() && text.size() < 10 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_integer(const std::string &text) {
    return is_number(text.compare(0, 1, "-") == 0 ? text.substr(1) : text);
}

void check_value(const Option &option, const std::string &value) {
    const bool good = option.kind == Option::Kind::number    ? is_number(value)
                      : option.kind == Option::Kind::integer ? is_integer(value)
                      : option.kind == Option::Kind::boolean ? value == "true" || value == "false"
                                                             : true;
    if (!good)
        throw UsageError(std::string("--") + option.name + " can't be " + value);
}

struct Words {
    std::string argument;
    std::map<std::string, std::string> options;
};

// "-o json" for "--output json", and so on.
std::string long_form(const std::string &word) {
    struct Short {
        const char *letter, *name;
    };
    for (const auto &[letter, name] :
         {Short{"-o", "--output"}, {"-n", "--limit"}, {"-w", "--watch"}})
        if (word == letter)
            return name;
    return word;
}

// --name value, --name=value, and --enabled alone for --enabled=true.
void take_option(const Command &command, const std::vector<std::string> &words, std::size_t &at,
                 Words &taken) {
    const std::string word = long_form(words[at]);
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string name = word.substr(2, equals - 2);
    const Option *option = find_option(command, name);
    if (option == nullptr)
        throw UsageError("unknown option --" + name);
    const bool lone = option->kind == Option::Kind::flag ||
                      (option->kind == Option::Kind::boolean &&
                       (at + 1 >= words.size() || words[at + 1].compare(0, 2, "--") == 0));
    std::string value = "true";
    if (equals < word.size())
        value = word.substr(equals + 1);
    else if (!lone && at + 1 < words.size())
        value = words[++at];
    else if (!lone)
        throw UsageError("--" + name + " needs a value");
    check_value(*option, value);
    taken.options[name] = value;
}

Words take_words(const Command &command, const std::vector<std::string> &words) {
    Words taken;
    std::size_t arguments = 0;
    for (std::size_t at = 0; at < words.size(); at++) {
        if (long_form(words[at]).compare(0, 2, "--") == 0) {
            take_option(command, words, at, taken);
        } else {
            arguments++;
            taken.argument = words[at];
        }
    }
    const std::size_t wanted = command.argument != nullptr ? 1 : 0;
    if (arguments != wanted && !(command.may_lack_argument && arguments == 0))
        throw UsageError(name_of(command) + (wanted == 1
                                                 ? std::string(" needs one ") + command.argument
                                                 : " takes no argument"));
    return taken;
}

std::string or_environment(const Words &words, const char *option, const char *variable) {
    const auto given = words.options.find(option);
    if (given != words.options.end())
        return given->second;
    const char *value = std::getenv(variable);
    return value != nullptr ? value : "";
}

// A line, from 1, of a file that AYB's server leaves; "" where there is none.
std::string line_of_ayb(const char *name, int number) {
    const char *home = std::getenv("HOME");
    if (home == nullptr)
        return "";
    std::ifstream file(std::string(home) + "/.ayb/" + name);
    std::string line;
    for (int i = 0; i < number; i++)
        if (!std::getline(file, line))
            return "";
    return line;
}

// AYB's own flag, ours, its environment, and the file that its server leaves.
std::string token_of(const Words &words) {
    const auto of_ayb = words.options.find("admin-token");
    if (of_ayb != words.options.end())
        return of_ayb->second;
    std::string given = or_environment(words, "token", "AYB_ADMIN_TOKEN");
    return given.empty() ? line_of_ayb("admin-token", 1) : given;
}

bool is_aybs(const Command &command) {
    constexpr std::string_view kAybs[] = {
        "jobs list",           "jobs retry",       "jobs cancel",       "schedules list",
        "schedules create",    "schedules update", "schedules enable",  "schedules disable",
        "schedules delete",    "matviews list",    "matviews register", "matviews update",
        "matviews unregister", "matviews refresh"};
    return std::find(std::begin(kAybs), std::end(kAybs), name_of(command)) != std::end(kAybs);
}

// To the letter what AYB's own say: scripts read it.
std::string as_ayb(const std::string &verb, const CommandError &error) {
    const auto *refused = dynamic_cast<const Refused *>(&error);
    if (dynamic_cast<const Unreachable *>(&error) != nullptr)
        return std::string("connecting to server: ") + error.what();
    const std::string what = refused != nullptr ? refused->reply.body : error.what();
    return (refused != nullptr && verb == "list" ? "server error: " : verb + " failed: ") + what;
}

// "refresh failed: refresh failed: …" says it twice.
std::string in_plain_words(const std::string &verb, const std::string &what) {
    const std::string failed = verb + " failed";
    return what.compare(0, failed.size(), failed) == 0 ? what : failed + ": " + what;
}

void tell(const std::string &line, const std::exception &error) {
    std::fprintf(stderr, "Error: %s\n", printable(line).c_str());
    const auto *refused = dynamic_cast<const Refused *>(&error);
    if (refused != nullptr && !refused->hint.empty())
        std::fprintf(stderr, "hint: %s\n", printable(refused->hint).c_str());
}

Format format_of(const Words &words) {
    if (words.options.count("json") != 0)
        return Format::items;
    const auto given = words.options.find("output");
    const std::string name = given == words.options.end() ? "table" : given->second;
    if (name == "table")
        return Format::table;
    if (name == "json")
        return Format::json;
    if (name == "csv")
        return Format::csv;
    throw UsageError("--output is table, json or csv");
}

// AYB's flag alone stands for AYB's server on this machine, which leaves its port in a file.
std::string url_of(const Words &words) {
    const auto given = words.options.find("url");
    if (given != words.options.end())
        return given->second;
    if (words.options.count("admin-token") == 0)
        return "";
    const std::string port = line_of_ayb("ayb.pid", 2);
    return "http://127.0.0.1:" + (is_number(port) ? port : "8090");
}

int run_command(const Command &command, const Words &words, Format format, const std::string &url) {
    const std::unique_ptr<Source> source =
        url.empty() ? database_source(or_environment(words, "dsn", "AYB_JOBS_DSN"))
                    : api_source(url, token_of(words));
    return command.run(Call(*source, format, words.argument, words.options));
}

} // namespace

bool knows(const std::vector<std::string> &words) {
    return std::any_of(all_commands().begin(), all_commands().end(), [&](const Command &command) {
        return words.front() == (*command.group != '\0' ? command.group : command.verb);
    });
}

int run(const std::vector<std::string> &words) {
    std::vector<std::string> rest = words;
    const Command &command = find(rest);
    const Words taken = take_words(command, rest);
    const Format format = format_of(taken);
    const std::string verb = command.verb;
    const std::string url = url_of(taken);
    try {
        return run_command(command, taken, format, url);
    } catch (const UsageError &) {
        throw;
    } catch (const CommandError &error) {
        const bool to_the_letter = is_aybs(command) && !url.empty();
        tell(to_the_letter ? as_ayb(verb, error) : in_plain_words(verb, error.what()), error);
    } catch (const std::exception &error) {
        tell(in_plain_words(verb, error.what()), error);
    }
    return verb == "health" ? kUnknown : 1;
}

std::string help() {
    std::string out;
    for (const Command &command : all_commands()) {
        std::string line = "  ayb-jobs " + name_of(command);
        if (command.argument != nullptr)
            line += std::string(" ") + command.argument;
        for (const Option &option : command.options)
            line += std::string(" [--") + option.name +
                    (option.kind == Option::Kind::flag ? "]" : " …]");
        out += line + "\n      " + command.help + "\n";
    }
    return out;
}

} // namespace ayb::cli
