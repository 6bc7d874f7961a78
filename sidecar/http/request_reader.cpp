#include "http/request_reader.hpp"

#include <algorithm>
#include <charconv>

namespace ayb::http {

namespace {

// As the contract has it: no 413.
constexpr Refusal kTooBig{400, "invalid JSON body"};
constexpr Refusal kBadRequest{400, "bad request"};
constexpr std::size_t kMaxChunkLine = 64;
constexpr std::size_t kMaxTrailer = 1024;

// Whether what ends at `end`, or hasn't ended yet in `size` bytes, is longer than `limit`, the
// `terminator` not counted: the same however the bytes come.
bool too_long(std::size_t end, std::size_t size, std::size_t limit, std::size_t terminator) {
    return end == std::string::npos ? size >= limit + terminator : end > limit;
}

} // namespace

void RequestReader::feed(std::string_view bytes) {
    input_.append(bytes);
    advance();
}

void RequestReader::advance() {
    for (;;) {
        const bool more = state_ == State::idle || state_ == State::head ? read_head()
                          : state_ == State::body                        ? read_body()
                                                                         : false;
        if (!more)
            return;
    }
}

bool RequestReader::refuse(Refusal refusal) {
    refusal_ = refusal;
    state_ = State::refused;
    input_.clear();
    head_.request.body.clear();
    return false;
}

std::size_t RequestReader::longest_body() const {
    const std::string_view large = limits_.large_path;
    const bool is_large = !large.empty() && head_.request.path.compare(0, large.size(), large) == 0;
    return is_large ? limits_.large_body_bytes : limits_.body_bytes;
}

bool RequestReader::read_head() {
    // An empty line before a request is allowed.
    while (state_ == State::idle && input_.compare(0, 2, "\r\n") == 0)
        input_.erase(0, 2);
    if (input_.empty() || (state_ == State::idle && input_ == "\r"))
        return false;
    state_ = State::head;
    const std::size_t end = input_.find("\r\n\r\n");
    if (too_long(end, input_.size(), limits_.head_bytes, 4))
        return refuse({431, "request header too large"});
    if (end == std::string::npos)
        return false;
    if (const auto refused = parse_head(std::string_view(input_).substr(0, end + 4), head_))
        return refuse(*refused);
    input_.erase(0, end + 4);
    longest_body_ = longest_body();
    if (head_.content_length > longest_body_)
        return refuse(kTooBig);
    state_ = State::body;
    return true;
}

bool RequestReader::read_body() {
    if (head_.chunked)
        return read_chunk();
    if (input_.size() < head_.content_length)
        return false;
    head_.request.body = input_.substr(0, head_.content_length);
    input_.erase(0, head_.content_length);
    state_ = State::complete;
    return false;
}

bool RequestReader::read_chunk() {
    if (chunk_ == Chunk::size)
        return read_chunk_size();
    if (chunk_ == Chunk::trailer)
        return read_trailer();
    if (chunk_ == Chunk::data) {
        const std::size_t taken = std::min(chunk_left_, input_.size());
        head_.request.body.append(input_, 0, taken);
        input_.erase(0, taken);
        chunk_left_ -= taken;
        if (chunk_left_ > 0)
            return false;
        chunk_ = Chunk::data_end;
    }
    if (input_.size() < 2)
        return false;
    if (input_.compare(0, 2, "\r\n") != 0)
        return refuse(kBadRequest);
    input_.erase(0, 2);
    chunk_ = Chunk::size;
    return true;
}

// Extensions of chunks are refused: nobody sends them but to confuse.
bool RequestReader::read_chunk_size() {
    const std::size_t end = input_.find("\r\n");
    if (too_long(end, input_.size(), kMaxChunkLine, 2))
        return refuse(kBadRequest);
    if (end == std::string::npos)
        return false;
    const auto result = std::from_chars(input_.data(), input_.data() + end, chunk_left_, 16);
    if (end == 0 || result.ec != std::errc() || result.ptr != input_.data() + end)
        return refuse(kBadRequest);
    if (chunk_left_ > longest_body_ - head_.request.body.size())
        return refuse(kTooBig);
    input_.erase(0, end + 2);
    chunk_ = chunk_left_ == 0 ? Chunk::trailer : Chunk::data;
    return true;
}

// Fields after the body are read over.
bool RequestReader::read_trailer() {
    const std::size_t end = input_.find("\r\n");
    if (too_long(end, input_.size(), kMaxTrailer, 2))
        return refuse(kBadRequest);
    if (end == std::string::npos)
        return false;
    input_.erase(0, end + 2);
    if (end == 0)
        state_ = State::complete;
    return end != 0;
}

bool RequestReader::take_expectation() {
    const bool waits = state_ == State::body && head_.expects_continue;
    head_.expects_continue = false;
    return waits;
}

Request RequestReader::take_request() {
    Request request = std::move(head_.request);
    head_ = Head();
    chunk_ = Chunk::size;
    state_ = State::idle;
    advance();
    return request;
}

} // namespace ayb::http
