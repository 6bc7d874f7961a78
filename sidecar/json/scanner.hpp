#pragma once
// Walks over one JSON value and hands out slices of it. Throws Error at the first byte that is
// wrong.
#include "json/error.hpp"

#include <functional>
#include <string_view>

namespace ayb::json {

// What nests deeper is refused: the scanner is recursive, and so is PostgreSQL's.
inline constexpr int kMaxDepth = 512;

class Scanner {
  public:
    explicit Scanner(std::string_view text) : text_(text) {}

    using Member = std::function<void(std::string_view key, std::string_view value)>;
    using Element = std::function<void(std::string_view value)>;

    // Each gives back the slice that it walked over, without blanks around it.
    std::string_view value();
    std::string_view string();
    void members(const Member &each); // an object; the key with its quotes
    void elements(const Element &each);

    void expect_object(); // throws unless an object begins here
    void end();           // throws unless nothing but blanks follows

    // How many digits more the numbers have where they are written without exponents, as
    // PostgreSQL does: a few bytes may stand for very many.
    std::size_t hidden_digits() const { return hidden_digits_; }

  private:
    void blanks();
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    void take(char wanted);
    void literal(std::string_view word);
    void number();
    void digits();
    void exponent();
    void character();
    void escape();
    unsigned hex();
    void utf8();

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t hidden_digits_ = 0;
    int depth_ = 0;
};

} // namespace ayb::json
