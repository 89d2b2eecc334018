// roomshard: a shard in one process. `serve` runs it, `check` validates a settings file, `reference` prints
// every key. Exit codes: 0 done, 1 bad settings or cannot start, 2 wrong usage.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <iostream>

#include "base/log.hpp"
#include "base/net/runtime.hpp"
#include "sfu/shard.hpp"

namespace {

using roomgate::conf::Mistake;
using roomgate::conf::Shard;

struct Options {
  std::string config;
  std::string name;
  std::string listen;
  std::string region;
  std::string media_address;
  std::optional<int> media_port;
  std::vector<std::string> media_advertise;
  std::string domain;
  bool check_only = false;
};

// The file, then the command line over it, then the same rules for both.
roomgate::Result<Shard, std::vector<Mistake>> settings_of(const Options& options) {
  Shard shard;
  if (!options.config.empty()) {
    auto loaded = roomgate::conf::load_shard(options.config);
    if (!loaded) return loaded;
    shard = *loaded;
  }
  const auto wrong = [](const char* option, std::string text) {
    return roomgate::fail(std::vector<Mistake>{{"command line", 0, option, std::move(text)}});
  };
  if (!options.name.empty()) shard.name = options.name;
  if (!options.listen.empty()) shard.listen = options.listen;
  if (!options.region.empty()) shard.region = options.region;
  if (!options.media_address.empty()) shard.media.address = options.media_address;
  if (options.media_port) shard.media.port = *options.media_port;
  if (!options.media_advertise.empty()) shard.media.advertise = options.media_advertise;
  if (!options.domain.empty()) shard.xmpp.domain = options.domain;
  if (shard.name.empty()) {
    std::array<char, 256> host{};
    if (gethostname(host.data(), host.size() - 1) == 0) shard.name = host.data();
  }
  if (!roomgate::Address::parse(shard.listen))
    return wrong("--listen", "\"" + shard.listen + "\" is not ADDRESS:PORT");
  for (const std::string& advertised : shard.media.advertise) {
    if (!roomgate::sfu::bridge::Advertised::parse(advertised)) {
      return wrong("--media-advertise", "\"" + advertised + "\" is not ADDRESS or ADDRESS:PORT");
    }
  }
  roomgate::conf::complete(shard);
  return shard;
}

int report(const std::vector<Mistake>& mistakes) {
  for (const Mistake& mistake : mistakes) std::cerr << mistake.to_string() << "\n";
  return 1;
}

int serve(const Options& options) {
  const auto settings = settings_of(options);
  if (!settings) return report(settings.error());
  if (options.check_only) return 0;
  roomgate::log::init("roomshard", roomgate::log::Level::info);
  roomgate::net::prepare_process();

  boost::asio::io_context context(1);
  auto shard = roomgate::sfu::Shard::start(context, *settings);
  if (!shard) {
    std::cerr << "roomshard: " << shard.error() << "\n";
    return 1;
  }
  LOG(info, "listening", {"shard", settings->name}, {"address", (*shard)->address().to_string()});

  boost::asio::signal_set signals(context, SIGTERM, SIGINT, SIGHUP);
  std::function<void()> wait = [&] {
    signals.async_wait([&](const boost::system::error_code& error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        // A habit of operators and service managers; it must not end meetings.
        LOG(info, "reload_ignored", {"settings", "a shard reads them at its start only"});
      } else {
        (*shard)->drain_and_stop();
      }
      wait();
    });
  };
  wait();
  context.run();
  LOG(info, "stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"roomshard: a conference shard in one process (XMPP signalling, focus, SFU, web client)"};
  app.require_subcommand(1);
  Options options;

  CLI::App* serve_command = app.add_subcommand("serve", "run the shard");
  serve_command->add_option("--config", options.config, "settings (TOML)");
  serve_command->add_option("--name", options.name, "the shard's name");
  serve_command->add_option("--listen", options.listen, "ADDRESS:PORT of HTTP and WebSocket");
  serve_command->add_option("--region", options.region, "region");
  serve_command->add_option("--media-address", options.media_address, "bind media to this address only");
  serve_command->add_option("--media-port", options.media_port, "worker w binds port + w; 0: free ports")
      ->check(CLI::Range(0, 65000));
  serve_command->add_option("--media-advertise", options.media_advertise,
                            "offer this address too: ADDRESS or ADDRESS:PORT");
  serve_command->add_option("--domain", options.domain, "XMPP domain");
  serve_command->add_flag("--check", options.check_only, "only validate the settings");

  CLI::App* check_command = app.add_subcommand("check", "validate a settings file");
  check_command->add_option("--config", options.config, "settings (TOML)")->required();

  CLI::App* reference_command = app.add_subcommand("reference", "print every setting with its default");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (reference_command->parsed()) {
    std::cout << roomgate::conf::shard_reference();
    return 0;
  }
  options.check_only = options.check_only || check_command->parsed();
  return serve(options);
}
