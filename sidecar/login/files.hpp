#pragma once
// Files with secrets.
#include <string>

namespace ayb::login {

// The first line of a file with a secret; "" where it can't be read, or where others than its owner
// could have written it.
std::string first_line(const std::string &file);

// What is wrong with the rights of a file with a secret.
enum class FileRights { good, readable_by_others, writable_by_others, unreadable };
FileRights rights_of(const std::string &file);

} // namespace ayb::login
