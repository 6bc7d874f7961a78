#pragma once
// Puts requests together from bytes as they come, without waiting for them.
#include "http/head_parser.hpp"

namespace ayb::http {

struct ReaderLimits {
    std::size_t head_bytes = 16 * 1024;
    std::size_t body_bytes = 1024 * 1024;
    // Of requests whose path begins so, where that isn't "".
    std::string_view large_path = {};
    std::size_t large_body_bytes = 0;
};

class RequestReader {
  public:
    enum class State { idle, head, body, complete, refused };

    explicit RequestReader(ReaderLimits limits) : limits_(limits) {}

    // Takes more bytes; `state()` says how far it is. What follows a complete request is kept.
    void feed(std::string_view bytes);
    State state() const { return state_; }
    std::size_t buffered() const { return input_.size() + head_.request.body.size(); }

    // Whether the client waits for a word before it sends the body. True once a request.
    bool take_expectation();
    // After `complete`: the request; and the reader goes on with what came after it.
    Request take_request();
    // After `refused`.
    Refusal refusal() const { return *refusal_; }

  private:
    void advance();
    bool read_head();
    std::size_t longest_body() const;
    bool read_body();
    bool read_chunk();
    bool read_chunk_size();
    bool read_trailer();
    bool refuse(Refusal refusal);

    enum class Chunk { size, data, data_end, trailer };

    ReaderLimits limits_;
    std::size_t longest_body_ = 0; // of this request
    State state_ = State::idle;
    std::string input_;
    Head head_;
    Chunk chunk_ = Chunk::size;
    std::size_t chunk_left_ = 0;
    std::optional<Refusal> refusal_;
};

} // namespace ayb::http
