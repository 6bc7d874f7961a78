// Whatever a signed token says, and whatever a filter asks for: neither crashes, and what is taken
// is as it has to be.
#include "realtime/filter.hpp"
#include "tokens/base64.hpp"
#include "tokens/claims.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>

namespace {

constexpr long long kNow = 1800000000;

void require(bool fact) {
    if (!fact)
        std::abort();
}

void try_base64(std::string_view input) {
    require(ayb::tokens::decode_base64url(ayb::tokens::encode_base64url(input)) == input);
    if (const auto bytes = ayb::tokens::decode_base64url(input))
        require(ayb::tokens::encode_base64url(*bytes) == input);
}

void try_claims(std::string_view input) {
    const ayb::tokens::Rules rules{
        {{"a.id", "sub"}, {"a.all", "*"}, {"a.x", "x", true}}, {"mfa_pending"}, "", ""};
    const auto token = ayb::tokens::read_claims(input, rules, kNow);
    if (!token)
        return;
    require(token->expires > kNow && token->expires <= kNow + 24 * 3600);
    require(!token->subject.empty() && token->subject.size() <= 255);
    require(token->settings.size() == 3 && token->settings[0].second == token->subject);
    require(token->settings[1].second == input);
}

// A filter up to the end of the line, and a record after it.
void try_filter(std::string_view input) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    try {
        const ayb::realtime::Filter filter(input.substr(0, end));
        require(!filter.columns().empty());
        const ayb::json::Object record(input.substr(std::min(end + 1, input.size())));
        require(!filter.admits(record, false) || filter.admits(record, true));
    } catch (const std::invalid_argument &) {
        // what a client may be told
    } catch (const ayb::json::Error &) {
        // no record: the database makes none
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char *>(data), size);
    try_base64(input);
    try_claims(input);
    try_filter(input);
    return 0;
}
