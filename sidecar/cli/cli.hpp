#pragma once
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace ayb::cli {

// The command line is wrong: exit status 2.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Whether these words begin with a command of ours.
bool knows(const std::vector<std::string> &words);

// Runs it and gives back the exit status. Throws UsageError.
int run(const std::vector<std::string> &words);

// A line for each command.
std::string help();

// The completion script for "bash", "zsh" or "fish"; `others` are the words that may follow verbs
// that are none of ours. Throws UsageError.
std::string completion(const std::string &shell, const std::map<std::string, std::string> &others);

} // namespace ayb::cli
