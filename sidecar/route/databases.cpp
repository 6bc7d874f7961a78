#include "route/databases.hpp"

#include "route/failure.hpp"

namespace ayb::api {

std::size_t Databases::place_of(const std::string &name) const noexcept {
    for (std::size_t place = 0; place < all_.size(); place++)
        if (all_[place].name == name)
            return place;
    return 0;
}

db::Pool &Databases::named(const std::string &name) const {
    const NamedPool &found = all_[place_of(name)];
    if (name.empty() || found.name == name)
        return found.pool;
    Failure failure(404, "database not found");
    failure.hint = "GET /api/admin/databases lists them.";
    failure.field = "database";
    throw failure;
}

} // namespace ayb::api
