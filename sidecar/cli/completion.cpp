#include "cli/cli.hpp"
#include "cli/command.hpp"

namespace ayb::cli {

namespace {

using Followers = std::map<std::string, std::string>;

// "group verb" → the words that may follow it: the verbs of a group, or the options of a command.
Followers followers(const Followers &others) {
    Followers words = others;
    words["completion"] = "bash zsh fish ";
    for (const Command &command : all_commands()) {
        const std::string group = command.group;
        std::string &first = words[""];
        const std::string head = group.empty() ? command.verb : group;
        if ((" " + first).find(" " + head + " ") == std::string::npos)
            first += head + " ";
        if (!group.empty())
            words[group] += std::string(command.verb) + " ";
        std::string &options = words[name_of(command)];
        for (const std::vector<Option> *all : {&command.options, &common_options()})
            for (const Option &option : *all)
                options += std::string("--") + option.name + " ";
    }
    words[""] += "serve work completion help manual ";
    return words;
}

// Options may stand at any place behind a command; a verb only right behind its group.
bool is_whole(const std::string &before, const std::string &after) {
    return before.empty() || after.compare(0, 2, "--") != 0;
}

// What may stand behind an option: words, or a list whose names are asked for.
struct Values {
    const char *option;
    const char *words;
    const char *list = nullptr;
};
constexpr Values kValues[] = {{"--state", "queued running completed failed canceled"},
                              {"--phase", "due external waiting scheduled retrying running "
                                          "completed failed canceled"},
                              {"--output", "table json csv"},
                              {"-o", "table json csv"},
                              {"--right", "read operate admin work"},
                              {"--mode", "standard concurrent"},
                              {"--type", "", "types"},
                              {"--job-type", "", "types"}};

// What of a list's columns is the name that its commands take.
struct Names {
    const char *list;
    const char *columns; // for awk
};
constexpr Names kNames[] = {
    {"types", "$1"}, {"watches", "$1"}, {"schedules", "$1"}, {"matviews", "$2 \".\" $3"}};

// A shell's command that lists them. Only names that mean nothing to a shell: bash expands what it
// is given to choose from, and who enqueues a job names its type.
std::string names_command(const std::string &list) {
    for (const Names &names : kNames)
        if (names.list == list)
            return "ayb-jobs " + list +
                   " list -o csv 2>/dev/null | awk -F, '{name = " + names.columns +
                   "} NR > 1 && name ~ /^[A-Za-z0-9_.\\/-]+$/ {print name}'";
    return "";
}

// The list whose names a command takes: "" where it takes none.
std::string list_of(const Command &command) {
    const std::string argument = command.argument != nullptr ? command.argument : "";
    const bool named = argument == "TYPE" || argument.find('|') != std::string::npos;
    return named ? command.group : "";
}

std::string bash_values() {
    std::string cases = "    case \"${COMP_WORDS[COMP_CWORD - 1]}\" in\n";
    for (const Values &values : kValues)
        cases += std::string("    ") + values.option + ") words=\"" +
                 (values.list != nullptr ? "$(_ayb_jobs_" + std::string(values.list) + ")"
                                         : values.words) +
                 "\" ;;\n";
    return cases + "    esac\n";
}

std::string bash_names() {
    std::string out;
    for (const Names &names : kNames)
        out += std::string("_ayb_jobs_") + names.list + "() {\n    " + names_command(names.list) +
               "\n}\n";
    return out;
}

// Names are asked for only where one can stand.
std::string bash_arguments() {
    std::string cases = "    case \"${COMP_WORDS[*]:1:2}\" in\n";
    for (const Command &command : all_commands())
        if (const std::string list = list_of(command); !list.empty())
            cases += "    \"" + name_of(command) + "\") words+=\" $(_ayb_jobs_" + list + ")\" ;;\n";
    return "    [[ $COMP_CWORD != 3 || ${COMP_WORDS[3]} == -* ]] ||\n" + cases + "    esac\n";
}

// In zsh, too, which lends itself to bash's completion.
std::string bash_completion(const Followers &followers) {
    std::string cases;
    for (const auto &[before, after] : followers) {
        std::string line = "    \"";
        line.append(before).append(is_whole(before, after) ? "\"" : "\"*").append(") words=\"");
        line.append(after).append("\" ;;\n");
        cases.insert(0, line); // what is longer before what it begins with
    }
    return bash_names() + "_ayb_jobs() {\n    local words=\n" + bash_values() +
           "    [[ -n $words ]] ||\n"
           "    case \"${COMP_WORDS[*]:1:$((COMP_CWORD - 1))}\" in\n" +
           cases + "    esac\n" + bash_arguments() +
           "    COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
           "}\ncomplete -F _ayb_jobs ayb-jobs\n";
}

std::string fish_function(const std::string &list) { return "(_ayb_jobs_" + list + ")"; }

std::string fish_values() {
    std::string out;
    for (const Names &names : kNames)
        out += std::string("function _ayb_jobs_") + names.list + "\n    " +
               names_command(names.list) + "\nend\n";
    for (const Values &values : kValues)
        out += std::string("complete -c ayb-jobs -n \"contains -- ") + values.option +
               " (commandline -cpo)[-1]\" -a '" +
               (values.list != nullptr ? fish_function(values.list) : values.words) + "'\n";
    for (const Command &command : all_commands())
        if (const std::string list = list_of(command); !list.empty())
            out += "complete -c ayb-jobs -n \"string match -q -- 'ayb-jobs " + name_of(command) +
                   "' (string join -- ' ' (commandline -cpo))\" -a '" + fish_function(list) + "'\n";
    return out;
}

std::string fish_completion(const Followers &followers) {
    std::string out = "complete -c ayb-jobs -f\n";
    for (const auto &[before, after] : followers) {
        const char *more = is_whole(before, after) ? "\\$" : "( |\\$)";
        out.append("complete -c ayb-jobs -n \"string match -rq -- '^ayb-jobs");
        out.append(before.empty() ? "" : " ").append(before).append(more);
        out.append("' (string join -- ' ' (commandline -cpo))\" -a '").append(after).append("'\n");
    }
    return out + fish_values();
}

} // namespace

std::string completion(const std::string &shell, const std::map<std::string, std::string> &others) {
    if (shell == "bash")
        return bash_completion(followers(others));
    if (shell == "zsh")
        return "autoload -U +X bashcompinit && bashcompinit\n" + bash_completion(followers(others));
    if (shell == "fish")
        return fish_completion(followers(others));
    throw UsageError("completion is for bash, zsh or fish");
}

} // namespace ayb::cli
