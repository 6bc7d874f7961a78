#include "app/manual.hpp"
#include "app/serve.hpp"
#include "app/work.hpp"
#include "cli/cli.hpp"
#include "work/options.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iostream>

namespace {

using ayb::app::Settings;

constexpr const char *kUsage = "usage: ayb-jobs serve [--setting value ...] [--print-config]\n"
                               "       ayb-jobs work TYPE ... [--option value ...] -- COMMAND ...\n"
                               "       ayb-jobs jobs|types|schedules|matviews VERB ...\n"
                               "       ayb-jobs stats|databases|workers|series|depths|health|top\n"
                               "       ayb-jobs drain|resume|adopt|token\n"
                               "       ayb-jobs completion bash|zsh|fish\n"
                               "       ayb-jobs help|manual|--version\n";

bool take(std::vector<std::string> &arguments, const std::string &flag) {
    const auto found = std::find(arguments.begin(), arguments.end(), flag);
    if (found == arguments.end())
        return false;
    arguments.erase(found);
    return true;
}

int help() {
    std::cout << kUsage << "\nCommands, each with --dsn …, or --url … and --token …, and --output "
              << "table|json|csv:\n"
              << ayb::cli::help() << "\nOptions of work:\n";
    for (const ayb::work::Word &word : ayb::work::option_words())
        std::cout << "  --" << word.name << " " << word.value << "  " << word.help << "\n";
    std::cout << "\nSettings of serve, also as AYB_JOBS_NAME or in a file:\n";
    for (const ayb::app::Setting &setting : ayb::app::all_settings())
        std::cout << "  " << setting.name << " [" << setting.fallback << "]  " << setting.help
                  << "\n";
    return 0;
}

// For the completion scripts.
std::map<std::string, std::string> words_by_verb() {
    std::map<std::string, std::string> words = {{"serve", "--print-config "}, {"work", ""}};
    for (const ayb::app::Setting &setting : ayb::app::all_settings())
        if (setting.kind != ayb::app::Setting::Kind::secret)
            words["serve"] += std::string("--") + setting.name + " ";
    for (const ayb::work::Word &word : ayb::work::option_words())
        words["work"] += std::string("--") + word.name + " ";
    return words;
}

int print(const std::string &text) {
    std::cout << text;
    return 0;
}

int serve(std::vector<std::string> arguments) {
    const bool only_print = take(arguments, "--print-config");
    const Settings settings(arguments);
    if (!arguments.empty())
        throw ayb::app::UsageError("unknown argument " + arguments.front());
    return only_print ? print(settings.print()) : ayb::app::serve(settings);
}

int work(std::vector<std::string> arguments) {
    arguments.erase(arguments.begin());
    const ayb::work::Options options = ayb::work::read_options(arguments);
    return ayb::app::work(options);
}

int run(std::vector<std::string> arguments) {
    const std::string verb = arguments.empty() ? "" : arguments.front();
    if (verb.empty())
        throw ayb::app::UsageError("a command is missing");
    const bool has_command = std::find(arguments.begin(), arguments.end(), "--") != arguments.end();
    if (verb == "work" && has_command) // whose words are its own
        return work(arguments);
    if (verb == "help" || arguments.back() == "--help")
        return help();
    if (verb == "--version")
        return print("ayb-jobs " AYB_JOBS_VERSION "\n");
    if (ayb::cli::knows(arguments))
        return ayb::cli::run(arguments);
    if (verb == "work")
        return work(arguments);
    arguments.erase(arguments.begin());
    if (verb == "completion")
        return print(
            ayb::cli::completion(arguments.size() == 1 ? arguments.front() : "", words_by_verb()));
    if (verb == "serve")
        return serve(arguments);
    if (verb == "manual")
        return print(ayb::app::manual());
    throw ayb::app::UsageError("unknown command " + verb);
}

// Who reads our output may have enough of it: no error to tell, but our end, as by the signal that
// Poco blocks. A disk that is full is an error.
int finish_output(int status) {
    if (std::cout.flush())
        return status;
    pollfd reader{STDOUT_FILENO, POLLOUT, 0};
    if (::poll(&reader, 1, 0) > 0 && (reader.revents & POLLERR) != 0)
        return 128 + SIGPIPE;
    throw std::runtime_error("can't write the output");
}

int wrong_usage(const char *what) {
    std::fprintf(stderr, "Error: %s\n%s", what, kUsage);
    return 2;
}

} // namespace

int main(int argc, char **argv) {
    try {
        return finish_output(run(std::vector<std::string>(argv + 1, argv + argc)));
    } catch (const ayb::app::UsageError &error) {
        return wrong_usage(error.what());
    } catch (const ayb::cli::UsageError &error) {
        return wrong_usage(error.what());
    } catch (const ayb::work::UsageError &error) {
        return wrong_usage(error.what());
    } catch (const std::exception &error) {
        std::fprintf(stderr, "Error: %s\n", error.what());
        return 1;
    }
}
