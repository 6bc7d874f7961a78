#pragma once
// What a program is started with. All of it is made before the fork: behind it, in a process of
// several threads, nothing may allocate.
#include "work/job.hpp"
#include "work/options.hpp"

#include <sys/resource.h>
#include <sys/types.h>

namespace ayb::work {

// As whom it runs, where that is somebody else.
struct User {
    uid_t uid;
    gid_t gid;
    std::vector<gid_t> groups;
    std::string home;
};

class Launch {
  public:
    // Throws std::runtime_error where there is no such program or user, or where we may not become
    // that user.
    explicit Launch(const Options &options);

    const char *path() const { return path_.c_str(); }
    char *const *arguments() const { return arguments_.data(); }
    const User *user() const { return user_ ? &*user_ : nullptr; }
    const rlimit &descriptors() const { return descriptors_; }

    // "NAME=value" each: PATH, HOME, LANG, LC_*, TZ, what the options name, and nothing else of
    // ours.
    const std::vector<std::string> &environment() const { return environment_; }

  private:
    std::string path_;
    std::vector<std::string> words_;
    std::vector<char *> arguments_; // of words_, and a null pointer
    std::vector<std::string> environment_;
    std::optional<User> user_;
    rlimit descriptors_{}; // as we found it: ours is raised
};

// The job's own variables.
std::vector<std::string> variables_of(const Job &job);

} // namespace ayb::work
