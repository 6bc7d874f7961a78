#include "route/trace.hpp"

#include <algorithm>

namespace ayb::api {

namespace {

constexpr std::string_view kName = "traceparent";
// version-trace-parent-flags; a version that is still to come may have more behind it.
constexpr std::string_view kForm = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
// A header of a version that nobody knows yet: no job's meta is to burst by it.
constexpr std::size_t kLongest = 256;

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool is_zero(std::string_view id) { return id.find_first_not_of('0') == std::string_view::npos; }

bool has_form(std::string_view text) {
    return text.size() >= kForm.size() &&
           std::equal(kForm.begin(), kForm.end(), text.begin(),
                      [](char form, char c) { return form == 'x' ? is_hex(c) : form == c; });
}

bool is_good(std::string_view text) {
    if (!has_form(text) || text.size() > kLongest)
        return false;
    const std::string_view version = text.substr(0, 2);
    const std::string_view rest = text.substr(kForm.size());
    const bool whole = rest.empty() || (version != "00" && rest.front() == '-');
    const bool plain =
        std::all_of(rest.begin(), rest.end(), [](char c) { return c > ' ' && c <= '~'; });
    return whole && plain && version != "ff" && !is_zero(text.substr(3, 32)) &&
           !is_zero(text.substr(36, 16));
}

} // namespace

std::string traceparent_of(const http::Request &request) {
    const auto count = std::count_if(request.headers.begin(), request.headers.end(),
                                     [](const auto &field) { return field.first == kName; });
    const std::string_view text = request.header(kName);
    return count == 1 && is_good(text) ? std::string(text) : "";
}

} // namespace ayb::api
