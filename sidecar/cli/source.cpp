#include "cli/source.hpp"

#include "api/api.hpp"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/HTTPSClientSession.h>
#include <Poco/StreamCopier.h>
#include <Poco/URI.h>

namespace ayb::cli {

namespace {

constexpr const char *kBase = "/api/admin";

class DatabaseSource : public Source {
  public:
    explicit DatabaseSource(const std::string &dsn)
        : pool_(settings(dsn), [](const std::string &) {}),
          api_({{"default", pool_}}, api_settings(), [](const api::Served &) {}) {}

    Reply ask(const std::string &method, const std::string &path,
              const std::string &body) override {
        http::Request request;
        const std::size_t question = std::min(path.find('?'), path.size());
        request.method = method;
        request.path = kBase + path.substr(0, question);
        request.query = path.substr(std::min(question + 1, path.size()));
        request.body = body;
        const http::Response response = api_.call(request);
        return {response.status, response.body};
    }

  private:
    static db::PoolSettings settings(const std::string &dsn) {
        db::PoolSettings settings;
        settings.connection.dsn = dsn;
        settings.size = 1;
        return settings;
    }

    // Who has a session may do by SQL what they like.
    static api::ApiSettings api_settings() {
        api::ApiSettings settings;
        settings.allow_commands = true;
        return settings;
    }

    db::Pool pool_;
    api::Api api_;
};

class ApiSource : public Source {
  public:
    ApiSource(const std::string &url, std::string token) : uri_(url), token_(std::move(token)) {
        if (uri_.getScheme() == "https")
            session_ = std::make_unique<Poco::Net::HTTPSClientSession>(
                uri_.getHost(), uri_.getPort(),
                new Poco::Net::Context(Poco::Net::Context::TLS_CLIENT_USE, "", "", "",
                                       Poco::Net::Context::VERIFY_RELAXED, 9, true));
        else
            session_ =
                std::make_unique<Poco::Net::HTTPClientSession>(uri_.getHost(), uri_.getPort());
        session_->setTimeout(Poco::Timespan(kPatience, 0));
    }

    Reply ask(const std::string &method, const std::string &path,
              const std::string &body) override {
        try {
            return exchange(method, path, body);
        } catch (const Poco::Exception &error) {
            throw Unreachable(uri_.toString() + ": " + error.displayText());
        }
    }

  private:
    static constexpr long kPatience = 3600; // a refresh may take long

    Reply exchange(const std::string &method, const std::string &path, const std::string &body) {
        Poco::Net::HTTPRequest request(method, uri_.getPath() + kBase + path,
                                       Poco::Net::HTTPMessage::HTTP_1_1);
        request.set("Authorization", "Bearer " + token_);
        request.setContentLength(static_cast<int>(body.size()));
        if (!body.empty())
            request.setContentType("application/json");
        session_->sendRequest(request) << body;
        Poco::Net::HTTPResponse response;
        Reply reply{};
        Poco::StreamCopier::copyToString(session_->receiveResponse(response), reply.body);
        reply.status = response.getStatus();
        return reply;
    }

    const Poco::URI uri_;
    const std::string token_;
    std::unique_ptr<Poco::Net::HTTPClientSession> session_;
};

} // namespace

std::unique_ptr<Source> database_source(const std::string &dsn) {
    return std::make_unique<DatabaseSource>(dsn);
}

std::unique_ptr<Source> api_source(const std::string &url, const std::string &token) {
    try {
        return std::make_unique<ApiSource>(url, token);
    } catch (const Poco::Exception &error) {
        throw CommandError(url + ": " + error.displayText());
    }
}

} // namespace ayb::cli
