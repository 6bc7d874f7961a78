#include "app/serve.hpp"
#include "cli/cli.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace {

using ayb::app::Settings;

constexpr const char *kUsage = "usage: ayb-jobs serve [--setting value ...] [--print-config]\n"
                               "       ayb-jobs jobs|schedules|matviews VERB ...\n"
                               "       ayb-jobs stats|health|top\n"
                               "       ayb-jobs completion bash|zsh|fish\n"
                               "       ayb-jobs help\n";

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
              << ayb::cli::help() << "\nSettings of serve, also as AYB_JOBS_NAME or in a file:\n";
    for (const ayb::app::Setting &setting : ayb::app::all_settings())
        std::cout << "  " << setting.name << " [" << setting.fallback << "]  " << setting.help
                  << "\n";
    return 0;
}

int serve(std::vector<std::string> arguments) {
    const bool print = take(arguments, "--print-config");
    const Settings settings(arguments);
    if (!arguments.empty())
        throw ayb::app::UsageError("unknown argument " + arguments.front());
    if (!print)
        return ayb::app::serve(settings);
    std::cout << settings.print();
    return 0;
}

int run(std::vector<std::string> arguments) {
    const std::string verb = arguments.empty() ? "" : arguments.front();
    if (verb.empty())
        throw ayb::app::UsageError("a command is missing");
    if (ayb::cli::knows(arguments))
        return ayb::cli::run(arguments);
    arguments.erase(arguments.begin());
    if (verb == "completion" && arguments.size() == 1) {
        std::cout << ayb::cli::completion(arguments.front());
        return 0;
    }
    if (verb == "serve")
        return serve(arguments);
    if (verb == "help" || verb == "--help")
        return help();
    throw ayb::app::UsageError("unknown command " + verb);
}

int wrong_usage(const char *what) {
    std::fprintf(stderr, "Error: %s\n%s", what, kUsage);
    return 2;
}

} // namespace

int main(int argc, char **argv) {
    try {
        return run(std::vector<std::string>(argv + 1, argv + argc));
    } catch (const ayb::app::UsageError &error) {
        return wrong_usage(error.what());
    } catch (const ayb::cli::UsageError &error) {
        return wrong_usage(error.what());
    } catch (const std::exception &error) {
        std::fprintf(stderr, "Error: %s\n", error.what());
        return 1;
    }
}
