#include "http/head_parser.hpp"

#include <algorithm>
#include <charconv>

namespace ayb::http {

namespace {

constexpr std::size_t kMaxFields = 100;
constexpr Refusal kBadRequest{400, "bad request"};
using Refused = std::optional<Refusal>;

bool is_token(std::string_view text) {
    constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
               kMarks.find(c) != std::string_view::npos;
    });
}

bool is_visible(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

bool is_value(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
    });
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char &c : out)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c | 0x20);
    return out;
}

std::string_view trim(std::string_view text) {
    const std::size_t from = std::min(text.find_first_not_of(" \t"), text.size());
    const std::size_t to = text.find_last_not_of(" \t");
    return text.substr(from, to == std::string_view::npos ? 0 : to + 1 - from);
}

Refused parse_request_line(std::string_view line, Request &request) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last)
        return kBadRequest;
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    request.method = line.substr(0, first);
    if (!is_token(request.method) || target.empty() || target[0] != '/' || !is_visible(target))
        return kBadRequest;
    if (version != "HTTP/1.1" && version != "HTTP/1.0")
        return version.substr(0, 5) == "HTTP/" ? Refusal{505, "HTTP version not supported"}
                                               : kBadRequest;
    request.keep_alive = version == "HTTP/1.1";
    const std::size_t question = std::min(target.find('?'), target.size());
    request.path = target.substr(0, question);
    request.query = target.substr(std::min(question + 1, target.size()));
    return std::nullopt;
}

Refused parse_field(std::string_view line, Fields &fields) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
        return kBadRequest;
    const std::string_view value = trim(line.substr(colon + 1));
    if (!is_value(value))
        return kBadRequest;
    if (fields.size() == kMaxFields)
        return Refusal{431, "too many header fields"};
    fields.emplace_back(lower(line.substr(0, colon)), value);
    return std::nullopt;
}

std::size_t count(const Fields &fields, std::string_view name) {
    return static_cast<std::size_t>(std::count_if(
        fields.begin(), fields.end(), [&](const auto &field) { return field.first == name; }));
}

// How long the body is. A length beside chunks, or two lengths, is how a request is smuggled.
Refused parse_framing(Head &head) {
    const Request &request = head.request;
    const std::size_t lengths = count(request.headers, "content-length");
    const std::size_t codings = count(request.headers, "transfer-encoding");
    if (lengths + codings > 1)
        return kBadRequest;
    if (codings == 1) {
        head.chunked = lower(request.header("transfer-encoding")) == "chunked";
        return head.chunked ? Refused() : Refusal{501, "transfer encoding not supported"};
    }
    if (lengths == 0)
        return std::nullopt;
    const std::string_view digits = request.header("content-length");
    const char *last = digits.data() + digits.size();
    const auto result = std::from_chars(digits.data(), last, head.content_length);
    if (digits.empty() || digits.size() > 18 || result.ptr != last)
        return kBadRequest;
    return std::nullopt;
}

Refused parse_connection(Head &head) {
    Request &request = head.request;
    if (request.keep_alive && count(request.headers, "host") != 1)
        return kBadRequest;
    if (lower(request.header("connection")).find("close") != std::string::npos)
        request.keep_alive = false;
    head.expects_continue = request.keep_alive && lower(request.header("expect")) == "100-continue";
    return std::nullopt;
}

} // namespace

Refused parse_head(std::string_view text, Head &head) {
    bool first = true;
    while (!text.empty()) {
        const std::size_t end = text.find("\r\n");
        if (end == std::string_view::npos)
            return kBadRequest;
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 2);
        if (line.empty())
            break;
        const Refused refused = first ? parse_request_line(line, head.request)
                                      : parse_field(line, head.request.headers);
        if (refused)
            return refused;
        first = false;
    }
    if (first)
        return kBadRequest;
    if (const Refused refused = parse_framing(head))
        return refused;
    return parse_connection(head);
}

} // namespace ayb::http
