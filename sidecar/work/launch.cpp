#include "work/launch.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace ayb::work {

namespace {

constexpr const char *kUsualPath = "/usr/local/bin:/usr/bin:/bin";

bool is_program(const std::string &path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
           ::access(path.c_str(), X_OK) == 0;
}

// As a shell finds it.
std::string find_program(const std::string &name) {
    if (name.find('/') != std::string::npos)
        return is_program(name) ? name : "";
    const char *path = std::getenv("PATH");
    std::istringstream directories(path != nullptr ? path : kUsualPath);
    for (std::string directory; std::getline(directories, directory, ':');)
        if (std::string file = (directory.empty() ? "." : directory) + "/" + name; is_program(file))
            return file;
    return "";
}

std::vector<gid_t> groups_of(const passwd &entry) {
    int count = 64;
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    while (getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count) < 0)
        groups.resize(static_cast<std::size_t>(count));
    groups.resize(static_cast<std::size_t>(count));
    return groups;
}

User find_user(const std::string &name) {
    errno = 0;
    const passwd *entry = getpwnam(name.c_str());
    if (entry == nullptr)
        throw std::runtime_error("there is no user \"" + name + "\"");
    if (geteuid() != 0)
        throw std::runtime_error("only root can run a program as somebody else");
    return {entry->pw_uid, entry->pw_gid, groups_of(*entry), entry->pw_dir};
}

bool passes(const std::string &name, const std::vector<std::string> &wanted) {
    for (const char *usual : {"PATH", "HOME", "LANG", "TZ"})
        if (name == usual)
            return true;
    return name.compare(0, 3, "LC_") == 0 ||
           std::find(wanted.begin(), wanted.end(), name) != wanted.end();
}

std::vector<std::string> passed(const std::vector<std::string> &wanted) {
    std::vector<std::string> out;
    for (char **variable = environ; variable != nullptr && *variable != nullptr; variable++) {
        const std::string text = *variable;
        if (passes(text.substr(0, text.find('=')), wanted))
            out.push_back(text);
    }
    return out;
}

void set(std::vector<std::string> &environment, const std::string &name, const std::string &value) {
    const auto is_it = [&](const std::string &text) { return text.rfind(name + "=", 0) == 0; };
    environment.erase(std::remove_if(environment.begin(), environment.end(), is_it),
                      environment.end());
    environment.push_back(name + "=" + value);
}

} // namespace

Launch::Launch(const Options &options)
    : path_(find_program(options.command.front())), words_(options.command),
      environment_(passed(options.environment)) {
    if (path_.empty())
        throw std::runtime_error("there is no program \"" + options.command.front() + "\"");
    for (std::string &word : words_)
        arguments_.push_back(word.data());
    arguments_.push_back(nullptr);
    if (!options.user.empty()) {
        user_ = find_user(options.user);
        set(environment_, "HOME", user_->home);
    }
    getrlimit(RLIMIT_NOFILE, &descriptors_);
}

std::vector<std::string> variables_of(const Job &job) {
    std::vector<std::string> out = {"AYB_JOB_ID=" + job.id, "AYB_JOB_TYPE=" + job.type,
                                    "AYB_JOB_ATTEMPT=" + std::to_string(job.attempt),
                                    "AYB_JOB_MAX_ATTEMPTS=" + std::to_string(job.max_attempts),
                                    "AYB_JOB_RUN_AT=" + job.run_at};
    if (job.partition_key)
        out.push_back("AYB_JOB_PARTITION_KEY=" + *job.partition_key);
    if (job.meta)
        out.push_back("AYB_JOB_META=" + *job.meta);
    return out;
}

} // namespace ayb::work
