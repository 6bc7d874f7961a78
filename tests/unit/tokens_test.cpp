// Tokens of an application: a table of those that have to be refused, and of those that are good.
#include "login/digest.hpp"
#include "tokens/base64.hpp"
#include "tokens/verifier.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

using namespace ayb::tokens;

namespace {

constexpr long long kNow = 1800000000;
const std::string &secret() {
    static const std::string text(32, 'k');
    return text;
}
constexpr const char *kHeader = R"({"alg":"HS256","typ":"JWT"})";

std::string times(const std::string &more) {
    return R"({"sub":"u1","exp":1800000600)" + more + "}";
}

std::string token(const std::string &payload, const std::string &header = kHeader,
                  const std::string &key = secret()) {
    const std::string content = encode_base64url(header) + "." + encode_base64url(payload);
    return content + "." + encode_base64url(ayb::login::hmac(key, content));
}

// A file with these lines, which goes with the object.
class File {
  public:
    explicit File(const std::string &lines) : name_("/tmp/ayb-secrets-XXXXXX") {
        const int descriptor = ::mkstemp(name_.data());
        ::close(descriptor);
        write(lines);
    }
    ~File() { ::unlink(name_.c_str()); }
    File(const File &) = delete;
    File &operator=(const File &) = delete;
    void write(const std::string &lines) const { std::ofstream(name_) << lines; }
    const std::string &name() const { return name_; }

  private:
    std::string name_;
};

Rules rules() {
    Rules all;
    all.claims = {{"ayb.user_id", "sub"}, {"ayb.user_email", "email", true}};
    all.refuse = {"mfa_pending", "MFAPending"};
    return all;
}

class Tokens : public testing::Test {
  protected:
    std::optional<Token> verify(const std::string &text) const {
        return Verifier(file_.name(), rules_).verify(text, kNow);
    }
    bool good(const std::string &text) const { return verify(text).has_value(); }

    File file_{secret() + "\n"};
    Rules rules_ = rules();
};

} // namespace

TEST_F(Tokens, AGoodOneSaysWhoItIs) {
    const auto seen = verify(token(times(R"(,"email":"a\u00e4@b","n":1)")));
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->subject, "u1");
    EXPECT_EQ(seen->expires, 1800000600);
    EXPECT_EQ(seen->settings, (Settings{{"ayb.user_id", "u1"}, {"ayb.user_email", "a\xC3\xA4@b"}}));
    EXPECT_FALSE(seen->tables);
}

TEST_F(Tokens, TheSealIsOfThreePartsAndAll) {
    const std::string whole = token(times(""));
    ASSERT_TRUE(good(whole));
    EXPECT_FALSE(good(""));
    EXPECT_FALSE(good(".."));
    EXPECT_FALSE(good(whole + ".AA"));
    EXPECT_FALSE(good("A." + whole));
    EXPECT_FALSE(good(whole.substr(0, whole.rfind('.'))));
    EXPECT_FALSE(good(whole.substr(0, whole.rfind('.') + 1)));
    EXPECT_FALSE(good(whole.substr(0, whole.size() - 1)));
    EXPECT_FALSE(good(whole + "="));
    EXPECT_FALSE(good(whole + "\n"));
    EXPECT_FALSE(good(" " + whole));
    for (std::size_t at = 0; at < whole.size(); at++) { // whatever is changed
        std::string other = whole;
        other[at] = other[at] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(good(other)) << at;
    }
    EXPECT_FALSE(good(token(times(""), kHeader, std::string(32, 'x'))));
    EXPECT_FALSE(good(token(times(""), kHeader, secret() + "k")));
}

TEST_F(Tokens, TheHeaderDemandsNothing) {
    EXPECT_TRUE(good(token(times(""), R"({"alg":"HS256"})")));
    EXPECT_TRUE(good(token(times(""), R"({"alg":"HS256","kid":"1"})")));
    for (const char *header :
         {R"({"alg":"HS384"})", R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"hs256"})",
          R"({"alg":"RS256"})", R"({"alg":["HS256"]})", R"({"alg":null})", R"({"typ":"JWT"})",
          R"({"alg":"HS256","crit":["exp"]})", R"({"alg":"HS256","crit":[]})",
          R"({"alg":"none","alg":"HS256"})", R"({"alg":"HS256","alg":"none"})", R"("HS256")", "",
          R"({"alg":"HS256")"})
        EXPECT_FALSE(good(token(times(""), header))) << header;
}

TEST_F(Tokens, TheTableOfBrokenPayloads) {
    for (const char *payload :
         {"", "null", "[]", R"("x")", R"({"sub":"u1","exp":1800000600)", "{}",
          // exp
          R"({"sub":"u1"})", R"({"sub":"u1","exp":"1800000600"})", R"({"sub":"u1","exp":NaN})",
          R"({"sub":"u1","exp":Infinity})", R"({"sub":"u1","exp":1e999})",
          R"({"sub":"u1","exp":null})", R"({"sub":"u1","exp":true})", R"({"sub":"u1","exp":[1]})",
          R"({"sub":"u1","exp":0})", R"({"sub":"u1","exp":-1800000600})",
          R"({"sub":"u1","exp":1800000000})", R"({"sub":"u1","exp":1799999999.9})",
          R"({"sub":"u1","exp":1800086401})", R"({"sub":"u1","exp":1800000600,"exp":1800000600})",
          R"({"sub":"u1","exp":1800000600,"\u0065xp":1800000600})",
          // nbf and iat
          R"({"sub":"u1","exp":1800000600,"nbf":1800000031})",
          R"({"sub":"u1","exp":1800000600,"iat":1800000031})",
          R"({"sub":"u1","exp":1800000600,"nbf":"1"})",
          R"({"sub":"u1","exp":1800000600,"iat":null})",
          // sub
          R"({"exp":1800000600})", R"({"sub":"","exp":1800000600})",
          R"({"sub":1,"exp":1800000600})", R"({"sub":null,"exp":1800000600})",
          R"({"sub":["u1"],"exp":1800000600})", R"({"sub":"u1","sub":"u2","exp":1800000600})",
          R"({"sub":"u1","s\u0075b":"u2","exp":1800000600})",
          R"({"sub":"a\u0000b","exp":1800000600})", "{\"sub\":\"\xff\",\"exp\":1800000600}",
          // who isn't through yet
          R"({"sub":"u1","exp":1800000600,"mfa_pending":true})",
          R"({"sub":"u1","exp":1800000600,"MFAPending":true})",
          R"({"sub":"u1","exp":1800000600,"mfa_pending":"true"})",
          R"({"sub":"u1","exp":1800000600,"mfa_pending":1})",
          R"({"sub":"u1","exp":1800000600,"mfa_pending":false,"mfa_pending":true})",
          // what may be read
          R"({"sub":"u1","exp":1800000600,"apiKeyScope":"writeonly"})",
          R"({"sub":"u1","exp":1800000600,"apiKeyScope":""})",
          R"({"sub":"u1","exp":1800000600,"apiKeyScope":["*"]})",
          R"({"sub":"u1","exp":1800000600,"allowedTables":"posts"})",
          R"({"sub":"u1","exp":1800000600,"allowedTables":[1]})"})
        EXPECT_FALSE(good(token(payload))) << payload;
}

TEST_F(Tokens, WhatIsOnTheEdgeIsGood) {
    EXPECT_TRUE(good(token(R"({"sub":"u1","exp":1800000001})")));
    EXPECT_TRUE(good(token(R"({"sub":"u1","exp":1800000600.5})")));
    EXPECT_TRUE(good(token(R"({"sub":"u1","exp":1.8000006e9})")));
    EXPECT_TRUE(good(token(R"({"sub":"u1","exp":1800086400})")));
    EXPECT_TRUE(good(token(times(R"(,"nbf":1800000030,"iat":1800000030)"))));
    EXPECT_TRUE(good(token(times(R"(,"mfa_pending":false,"MFAPending":null)"))));
    for (const char *scope : {"*", "readonly", "readwrite"})
        EXPECT_TRUE(good(token(times(std::string(R"(,"apiKeyScope":")") + scope + "\""))));
    const std::string exact(255, 'u');
    EXPECT_TRUE(good(token(R"({"exp":1800000600,"sub":")" + exact + "\"}")));
    EXPECT_FALSE(good(token(R"({"exp":1800000600,"sub":")" + exact + "u\"}")));
}

TEST_F(Tokens, EightKilobytesAreTheMost) {
    const std::string rest = token(times(R"(,"x":"")"));
    bool exact = false;
    for (std::size_t size = 6000; size < 6200; size++) {
        const std::string one = token(times(",\"x\":\"" + std::string(size, 'x') + "\""));
        EXPECT_EQ(good(one), one.size() <= 8192) << one.size();
        exact = exact || one.size() == 8192 || one.size() == 8191;
    }
    EXPECT_TRUE(exact);
    EXPECT_TRUE(good(rest));
}

TEST_F(Tokens, AudienceAndIssuerCountWhenTheyAreSet) {
    EXPECT_TRUE(good(token(times(R"(,"aud":"other","iss":"other")"))));
    rules_.audience = "app";
    rules_.issuer = "me";
    EXPECT_TRUE(good(token(times(R"(,"aud":"app","iss":"me")"))));
    EXPECT_TRUE(good(token(times(R"(,"aud":["x","app"],"iss":"me")"))));
    for (const char *more :
         {"", R"(,"aud":"app")", R"(,"iss":"me")", R"(,"aud":"apps","iss":"me")",
          R"(,"aud":[],"iss":"me")", R"(,"aud":["x"],"iss":"me")", R"(,"aud":[1],"iss":"me")",
          R"(,"aud":null,"iss":"me")", R"(,"aud":"app","iss":["me"])", R"(,"aud":{},"iss":"me")"})
        EXPECT_FALSE(good(token(times(more)))) << more;
}

TEST_F(Tokens, ClaimsBecomeSettings) {
    rules_.claims = {{"a.role", "role"}, {"a.all", "*"}, {"a.team", "team", true}};
    EXPECT_FALSE(good(token(times("")))); // no role
    EXPECT_FALSE(good(token(times(R"(,"role":null)"))));
    const std::string payload = times(R"(,"role":{"b":[1, 2]},"team":7)");
    EXPECT_EQ(verify(token(payload))->settings,
              (Settings{{"a.role", R"({"b":[1, 2]})"}, {"a.all", payload}, {"a.team", "7"}}));
}

TEST_F(Tokens, AllowedTablesLimit) {
    using Names = std::vector<std::string>;
    EXPECT_EQ(verify(token(times(R"(,"allowedTables":["a","b.c"])")))->tables, (Names{"a", "b.c"}));
    EXPECT_EQ(verify(token(times(R"(,"allowedTables":[])")))->tables, Names{});
    EXPECT_FALSE(verify(token(times(R"(,"allowedTables":null)")))->tables);
}

TEST_F(Tokens, SecretsAreRotated) {
    const std::string next(40, 'n');
    Verifier verifier(file_.name(), rules_);
    const auto taken = [&](const std::string &key) {
        return verifier.verify(token(times(""), kHeader, key), kNow).has_value();
    };
    file_.write(next + "\n" + secret() + "\n");
    EXPECT_FALSE(taken(next));
    verifier.reload();
    EXPECT_TRUE(taken(next));
    EXPECT_TRUE(taken(secret()));
    file_.write(next);
    verifier.reload();
    EXPECT_TRUE(taken(next));
    EXPECT_FALSE(taken(secret()));
    file_.write("short\n");
    EXPECT_THROW(verifier.reload(), std::runtime_error);
    EXPECT_TRUE(taken(next));
}

TEST_F(Tokens, SecretsAreLongAndNobodyElses) {
    for (const std::string &lines :
         {std::string(), std::string("\n"), std::string(31, 'k') + "\n", secret() + "\n\n",
          secret() + "\n" + secret() + "\n" + secret() + "\n"}) {
        const File file(lines);
        EXPECT_THROW(read_secrets(file.name()), std::runtime_error) << lines;
    }
    EXPECT_THROW(read_secrets("/nowhere"), std::runtime_error);
    EXPECT_EQ(read_secrets(file_.name()).size(), 1U);
    ::chmod(file_.name().c_str(), 0620);
    EXPECT_THROW(read_secrets(file_.name()), std::runtime_error);
}

TEST(ClaimRules, AreReadOrRefused) {
    const auto read = [](const char *word) { return read_claim_rules({word}).front(); };
    EXPECT_EQ(read("ayb.user_id=sub").setting, "ayb.user_id");
    EXPECT_EQ(read("a.b.c2=x y?").name, "x y");
    EXPECT_TRUE(read("a.b=x?").optional);
    EXPECT_FALSE(read("request.jwt.claims=*").optional);
    for (const char *word :
         {"", "a.b", "a.b=", "a.b=?", "ab=x", "=x", ".b=x", "a.=x", "a..b=x", "A.b=x", "a b.c=x",
          "1a.b=x", "ayb_jobs.actor=x", "plpgsql.extra_errors=x", "role=x", "search_path=x"})
        EXPECT_THROW(read(word), std::invalid_argument) << word;
    EXPECT_THROW(read_claim_rules({}), std::invalid_argument);
    EXPECT_THROW(read_claim_rules({"a.b=x", "a.b=y"}), std::invalid_argument);
    std::vector<std::string> many;
    many.reserve(17);
    for (int i = 0; i < 17; i++)
        many.push_back("a.b" + std::to_string(i) + "=x");
    EXPECT_THROW(read_claim_rules(many), std::invalid_argument);
    many.pop_back();
    EXPECT_EQ(read_claim_rules(many).size(), 16U);
}

TEST(Base64Url, OneTextForTheSameBytes) {
    for (const char *bytes : {"", "f", "fo", "foo", "foob", "\xff\xfe\xfd"})
        EXPECT_EQ(decode_base64url(encode_base64url(bytes)), bytes);
    EXPECT_EQ(encode_base64url("\xff\xff\xbf"), "__-_");
    for (const char *text : {"A", "Zh", "Zm9vY", "Zm8=", "Zm+v", "Zm/v", "Zm 9v", "Zm9vYh"})
        EXPECT_FALSE(decode_base64url(text)) << text;
}
