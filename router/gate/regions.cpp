// The GeoIP database: read with the settings, and anew when its file changes, as certificates are.

#include "base/log.hpp"
#include "router/gate/gate.hpp"

namespace roomgate::router::gate {

void Gate::adopt_geoip() {
  metrics_.geoip_built.clear();
  const region::GeoIp* database = options_.session.locator->database();
  if (database == nullptr) return;
  geoip_.taken(database->looked());
  metrics_.geoip_built.with({}).set(static_cast<double>(database->built()));
}

void Gate::watch_geoip() {
  const region::GeoIp* database = options_.session.locator->database();
  if (database == nullptr || !geoip_.observe(file_fingerprint(database->file()))) return;
  const auto renewed = renew_geoip();
  metrics_.geoip_reloads.with({renewed ? "ok" : "refused"}).add();
  if (renewed) {
    LOG(info, "geoip_read", {"because", "the file has changed"});
  } else {
    LOG(error, "geoip_refused", {"error", renewed.error()}, {"in_use", "the old one stays"});
  }
}

Result<void, std::string> Gate::renew_geoip() {
  const region::Locator& now = *options_.session.locator;
  auto database = region::GeoIp::open(now.database()->file());
  if (!database) return fail(database.error());
  auto locator = region::Locator::make(now.settings(), std::move(database).value());
  if (!locator) return fail(locator.error());
  options_.session.locator = std::move(locator).value();
  adopt_geoip();
  publish_settings();
  return {};
}

}  // namespace roomgate::router::gate
