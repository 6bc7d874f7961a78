#include "cli/cli.hpp"
#include "cli/command.hpp"

namespace ayb::cli {

namespace {

using Followers = std::map<std::string, std::string>;

// "group verb" → the words that may follow it: the verbs of a group, or the options of a command.
Followers followers(const std::string &serve) {
    Followers words{{"serve", serve}, {"completion", "bash zsh fish "}};
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
    words[""] += "serve completion help manual ";
    return words;
}

// Options may stand at any place behind a command; a verb only right behind its group.
bool is_whole(const std::string &before, const std::string &after) {
    return before.empty() || after.compare(0, 2, "--") != 0;
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
    return "_ayb_jobs() {\n    local words=\n    case \"${COMP_WORDS[*]:1:$((COMP_CWORD - 1))}\" "
           "in\n" +
           cases +
           "    esac\n    COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
           "}\ncomplete -F _ayb_jobs ayb-jobs\n";
}

std::string fish_completion(const Followers &followers) {
    std::string out = "complete -c ayb-jobs -f\n";
    for (const auto &[before, after] : followers) {
        const char *star = is_whole(before, after) ? "" : "*";
        out.append("complete -c ayb-jobs -n \"string match -q -- 'ayb-jobs");
        out.append(before.empty() ? "" : " ").append(before).append(star);
        out.append("' (string join -- ' ' (commandline -cpo))\" -a '").append(after).append("'\n");
    }
    return out;
}

} // namespace

std::string completion(const std::string &shell, const std::string &serve) {
    if (shell == "bash")
        return bash_completion(followers(serve));
    if (shell == "zsh")
        return "autoload -U +X bashcompinit && bashcompinit\n" + bash_completion(followers(serve));
    if (shell == "fish")
        return fish_completion(followers(serve));
    throw UsageError("completion is for bash, zsh or fish");
}

} // namespace ayb::cli
