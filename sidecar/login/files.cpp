#include "login/files.hpp"

#include <sys/stat.h>

#include <fstream>

namespace ayb::login {

// Links are followed: secrets are often mounted by them.
FileRights rights_of(const std::string &file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0)
        return FileRights::unreadable;
    if (!S_ISREG(status.st_mode))
        return FileRights::good; // a pipe that somebody handed us
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return FileRights::writable_by_others;
    return (status.st_mode & (S_IRGRP | S_IROTH)) != 0 ? FileRights::readable_by_others
                                                       : FileRights::good;
}

std::string first_line(const std::string &file) {
    if (rights_of(file) == FileRights::writable_by_others)
        return "";
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    return line;
}

} // namespace ayb::login
