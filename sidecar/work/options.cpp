#include "work/options.hpp"

#include <algorithm>
#include <charconv>

namespace ayb::work {

namespace {

constexpr unsigned kMostAtOnce = 1000;
constexpr long long kLongestDays = 366; // as the database has it
constexpr std::size_t kLongestName = 200;

std::chrono::milliseconds duration(const char *option, const std::string &value, long long least) {
    const auto duration = duration_of(value);
    if (!duration || duration->count() < least)
        throw UsageError(std::string("--") + option + " can't be \"" + value +
                         "\": a time such as 90s, 1m or 2h");
    return *duration;
}

unsigned concurrency(const std::string &value) {
    unsigned number = 0;
    const char *last = value.data() + value.size();
    const auto read = std::from_chars(value.data(), last, number);
    if (read.ec != std::errc() || read.ptr != last || number < 1 || number > kMostAtOnce)
        throw UsageError("--concurrency is a number from 1 to " + std::to_string(kMostAtOnce));
    return number;
}

std::string variable(const std::string &name) {
    if (name.empty() || name.find('=') != std::string::npos)
        throw UsageError("--env can't be \"" + name + "\": it is the name of a variable");
    if (name.compare(0, 8, "AYB_JOB_") == 0)
        throw UsageError("--env can't be " + name + ": what begins with AYB_JOB_ is of the job");
    return name;
}

std::string worker_name(const std::string &name) {
    if (name.empty() || name.size() > kLongestName)
        throw UsageError("--name has 1 to " + std::to_string(kLongestName) + " bytes");
    return name;
}

void take(Options &options, const std::string &name, const std::string &value) {
    if (name == "dsn")
        options.dsn = value;
    else if (name == "name")
        options.name = worker_name(value);
    else if (name == "concurrency")
        options.concurrency = concurrency(value);
    else if (name == "lease")
        options.lease = duration("lease", value, 1000);
    else if (name == "grace")
        options.grace = duration("grace", value, 0);
    else if (name == "env")
        options.environment.push_back(variable(value));
    else if (name == "user")
        options.user = value;
}

// --name value or --name=value, at `at`.
void take_option(Options &options, const std::vector<std::string> &words, std::size_t &at) {
    const std::string &word = words[at];
    if (word.compare(0, 2, "--") != 0)
        throw UsageError("unknown option " + word);
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string name = word.substr(2, equals - 2);
    const auto &known = option_words();
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&](const Word &option) { return option.name == name; });
    if (found == known.end())
        throw UsageError("unknown option --" + name);
    if (*found->value == '\0' && equals < word.size())
        throw UsageError("--" + name + " takes no value");
    if (*found->value == '\0')
        options.persistent = true;
    else if (equals < word.size())
        take(options, name, word.substr(equals + 1));
    else if (at + 1 < words.size() && words[at + 1] != "--")
        take(options, name, words[++at]);
    else
        throw UsageError("--" + name + " needs a value");
}

} // namespace

const std::vector<Word> &option_words() {
    static const std::vector<Word> words = {
        {"dsn", "DSN", "the database; else AYB_JOBS_DSN, else the PG* environment"},
        {"name", "NAME", "what the worker is called; else host, process and chance make a name"},
        {"concurrency", "N", "jobs at the same time, 8 by default"},
        {"lease", "TIME", "how long a job stays ours without a word of us, 1m by default"},
        {"grace", "TIME", "what programs are given to end at SIGTERM, 30s by default"},
        {"env", "NAME", "a variable that the program gets besides; may be said again"},
        {"user", "USER", "as whom the program runs, where we are root"},
        {"persistent", "", "the program stays: a line of JSON in and one out for each job"},
    };
    return words;
}

std::optional<std::chrono::milliseconds> duration_of(const std::string &text) {
    long long number = 0;
    const char *last = text.data() + text.size();
    const auto read = std::from_chars(text.data(), last, number);
    if (read.ec != std::errc() || number < 0)
        return std::nullopt;
    const std::string unit(read.ptr, last);
    const long long seconds = unit.empty() || unit == "s" ? 1
                              : unit == "m"               ? 60
                              : unit == "h"               ? 3600
                              : unit == "d"               ? 86400
                                                          : 0;
    if (seconds == 0 || number > kLongestDays * 86400 / seconds)
        return std::nullopt;
    return std::chrono::milliseconds(number * seconds * 1000);
}

Options read_options(const std::vector<std::string> &words) {
    Options options;
    std::size_t at = 0;
    for (; at < words.size() && words[at] != "--"; at++) {
        if (words[at].compare(0, 1, "-") == 0)
            take_option(options, words, at);
        else if (words[at].empty())
            throw UsageError("a type has a name");
        else
            options.types.push_back(words[at]);
    }
    if (options.types.empty())
        throw UsageError("work needs a type of jobs");
    if (at + 1 >= words.size() || words[at + 1].empty())
        throw UsageError("work needs a command behind --");
    options.command.assign(words.begin() + static_cast<std::ptrdiff_t>(at) + 1, words.end());
    return options;
}

} // namespace ayb::work
