#include "realtime/seal.hpp"

#include "feed/feeds.hpp"

extern "C" {
#include "common/hmac.h"
#include "common/sha2.h"
}

namespace ayb {

namespace {

constexpr int kPart = 16;
constexpr int kTextLength = 64; // 48 bytes in base64

// What is sealed: a nonce, the mark under a pad that only the key and the nonce give, and a tag
// over both and what they are bound to.
struct Sealed {
    uint8 nonce[kPart];
    uint8 mark[sizeof(Mark)];
    uint8 tag[kPart];
};
static_assert(sizeof(Mark) == kPart && sizeof(Sealed) == 3 * kPart);

struct Digest {
    uint8 bytes[PG_SHA256_DIGEST_LENGTH];
};

[[noreturn]] void refuse() { elog(ERROR, "could not compute a keyed hash"); }

pg_hmac_ctx *begin_hash(char purpose) {
    pg_hmac_ctx *hash = pg_hmac_create(PG_SHA256);
    if (hash == nullptr || pg_hmac_init(hash, feeds_secret(), 32) < 0)
        refuse();
    if (pg_hmac_update(hash, reinterpret_cast<const uint8 *>(&purpose), 1) < 0)
        refuse();
    return hash;
}

void hash_more(pg_hmac_ctx *hash, const void *bytes, Size length) {
    if (pg_hmac_update(hash, static_cast<const uint8 *>(bytes), length) < 0)
        refuse();
}

Digest end_hash(pg_hmac_ctx *hash) {
    Digest digest;
    if (pg_hmac_final(hash, digest.bytes, sizeof(digest.bytes)) < 0)
        refuse();
    pg_hmac_free(hash);
    return digest;
}

Digest pad_of(const Sealed &sealed) {
    pg_hmac_ctx *hash = begin_hash('p');
    hash_more(hash, sealed.nonce, sizeof(sealed.nonce));
    return end_hash(hash);
}

Digest tag_of(const Sealed &sealed, const Binding &binding) {
    pg_hmac_ctx *hash = begin_hash('t');
    hash_more(hash, sealed.nonce, sizeof(sealed.nonce));
    hash_more(hash, sealed.mark, sizeof(sealed.mark));
    hash_more(hash, &MyDatabaseId, sizeof(MyDatabaseId));
    hash_more(hash, &binding.role, sizeof(binding.role));
    hash_more(hash, &binding.table_count, sizeof(binding.table_count));
    hash_more(hash, binding.tables, binding.table_count * sizeof(Oid));
    if (binding.settings != nullptr)
        hash_more(hash, VARDATA(binding.settings), VARSIZE(binding.settings) - VARHDRSZ);
    return end_hash(hash);
}

void put_under(uint8 *mark, const Digest &pad) {
    for (int i = 0; i < kPart; i++)
        mark[i] ^= pad.bytes[i];
}

bool same_tag(const uint8 *one, const uint8 *other) {
    uint8 differ = 0;
    for (int i = 0; i < kPart; i++)
        differ = static_cast<uint8>(differ | (one[i] ^ other[i]));
    return differ == 0;
}

void exchange(char *text, char from, char to) {
    for (; *text != '\0'; text++)
        *text = *text == from ? to : *text;
}

} // namespace

const char *seal(const Mark &mark, const Binding &binding) {
    Sealed sealed;
    if (!pg_strong_random(sealed.nonce, sizeof(sealed.nonce)))
        elog(ERROR, "no random numbers for the seal of a position");
    memcpy(sealed.mark, &mark, sizeof(mark));
    put_under(sealed.mark, pad_of(sealed));
    const Digest tag = tag_of(sealed, binding);
    memcpy(sealed.tag, tag.bytes, kPart);
    auto *text = static_cast<char *>(palloc0(kTextLength + 1));
    if (to_base64(reinterpret_cast<const uint8 *>(&sealed), sizeof(sealed), text, kTextLength + 1) <
        0)
        refuse();
    exchange(text, '+', '-');
    exchange(text, '/', '_');
    return text;
}

bool unseal(const char *text, const Binding &binding, Mark *mark) {
    Sealed sealed;
    if (strlen(text) != kTextLength)
        return false;
    char *copy = pstrdup(text);
    exchange(copy, '-', '+');
    exchange(copy, '_', '/');
    if (from_base64(copy, kTextLength, reinterpret_cast<uint8 *>(&sealed), sizeof(sealed)) !=
            static_cast<int>(sizeof(sealed)) ||
        !same_tag(sealed.tag, tag_of(sealed, binding).bytes))
        return false;
    put_under(sealed.mark, pad_of(sealed));
    memcpy(mark, sealed.mark, sizeof(*mark));
    return true;
}

} // namespace ayb
