#pragma once
// GET /api/realtime: changes of rows, to those who may see them; and what an admin sees of it.
#include "realtime/hub.hpp"
#include "realtime/tickets.hpp"
#include "route/router.hpp"
#include "tokens/verifier.hpp"

namespace ayb::realtime {

struct Settings {
    HubSettings hub; // without a dsn there is no realtime
    SeatLimits seats;
    std::string secret_file;
    tokens::Rules rules;
    std::vector<std::string> origins; // pages of these may listen, besides our own
};

class Realtime {
  public:
    // The address of who asks.
    using ClientOf = std::function<std::string(const http::Request &)>;

    // `pool` is of the same database. Throws std::runtime_error where the secret can't be read or
    // the role of the dsn is not as it has to be; a database that is away is waited for.
    Realtime(const Settings &settings, db::Pool &pool, ClientOf client_of, const Note &note);

    std::vector<api::Route> routes();
    // Reads the secrets again. Throws std::runtime_error, and keeps what it had then.
    void reload();
    void close();
    std::size_t listeners() { return hub_ ? hub_->size() : 0; }
    unsigned long long sent() const { return hub_ ? hub_->sent() : 0; }

  private:
    void require_on() const;
    void require_origin(const http::Request &request) const;
    tokens::Token token_of(const api::Call &call);
    http::Response listen(const api::Call &call);
    http::Response give_ticket(const api::Call &call);
    http::Response stats();
    http::Response connections();
    http::Response disconnect(const api::Call &call);

    const Settings settings_;
    db::Pool &pool_;
    const ClientOf client_of_;
    std::optional<tokens::Verifier> verifier_;
    Tickets tickets_;
    const std::shared_ptr<Seats> seats_;
    std::atomic<unsigned long long> clients_{0};
    std::unique_ptr<Hub> hub_;
};

} // namespace ayb::realtime
