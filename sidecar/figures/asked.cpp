#include "figures/asked.hpp"

#include "figures/statements.hpp"
#include "figures/totals.hpp"
#include "route/database.hpp"

namespace ayb::figures {

namespace {

constexpr std::chrono::seconds kSeldom{10};
// Of its time a database counts no more than this part.
constexpr int kPart = 20;

std::string name_of(const api::NamedPool &database) { return label("database", database.name); }

// Rows of a metric's name, its value and its labels: pairs of a name and a value.
void add_rows(Page &page, const std::string &database, const db::Result &rows) {
    for (int row = 0; row < rows.rows(); row++) {
        std::string labels = database;
        for (int column = 2; column < 6; column += 2)
            if (const auto name = rows.at(row, column))
                labels = both(labels, label(*name, rows.at(row, column + 1).value_or("")));
        if (const auto value = rows.at(row, 1))
            page.add(rows.at(row, 0).value(), labels, *value);
    }
}

Asked::Said figures_of(const api::NamedPool &database, int most) {
    Page page;
    const std::string name = name_of(database);
    const db::Parameters none, bound = {std::to_string(most)};
    try {
        const auto results =
            api::Database(database.pool, api::kReader).run({{kFigures, bound}, {kTotals, none}});
        add_rows(page, name, results.at(0));
        add_totals(page, name, results.at(1), most);
        return {true, page};
    } catch (const std::exception &) {
        return {false, Page()};
    }
}

Page phases_of(const api::NamedPool &database, int most) {
    Page page;
    const db::Parameters bound = {std::to_string(most)};
    try {
        add_rows(page, name_of(database),
                 api::Database(database.pool, api::kReader).run({{kPhases, bound}}).at(0));
    } catch (const std::exception &) {
        return Page(); // nothing, rather than what isn't true any more
    }
    return page;
}

} // namespace

void Asked::ask() {
    if (!said_.valid())
        said_ = std::async(std::launch::async, [this] { return figures_of(database_, most_); });
}

void Asked::count_phases() {
    using namespace std::chrono_literals;
    const auto now = Clock::now();
    if (phases_.valid() && phases_.wait_for(0s) == std::future_status::ready) {
        counted_ = phases_.get();
        took_ = now - asked_;
    }
    if (!phases_.valid() && now - asked_ >= std::max<Clock::duration>(kSeldom, kPart * took_)) {
        asked_ = now;
        phases_ = std::async(std::launch::async, [this] { return phases_of(database_, most_); });
    }
}

void Asked::add_to(Page &page, Clock::time_point end) {
    const std::string name = name_of(database_);
    const bool came = said_.wait_until(end) == std::future_status::ready;
    const Said said = came ? said_.get() : Said{false, Page()};
    page.add("ayb_jobs_up", name, said.up ? "1" : "0");
    if (said.up) {
        count_phases();
        page.add(said.page);
        page.add(counted_);
    }
    const db::Pool::Usage usage = database_.pool.usage();
    page.add("ayb_jobs_database_connections", name, std::to_string(usage.open));
    page.add("ayb_jobs_database_connections_busy", name, std::to_string(usage.lent));
}

} // namespace ayb::figures
