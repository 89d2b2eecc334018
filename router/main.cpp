// roomgate: the command line. `serve` runs a front door, `check` reads its settings, `reference` prints what
// can be set, `import` translates; the rest, in cli/, talks to a running one through its admin endpoint. Exit
// codes: 0 done, 1 bad settings or refused, 2 wrong usage.
#include <CLI/CLI.hpp>
#include <ctime>
#include <iostream>

#include "base/log.hpp"
#include "conf/gate.hpp"
#include "conf/haproxy/import.hpp"
#include "router/cli/commands.hpp"
#include "router/cli/endpoint.hpp"
#include "router/gate/credentials.hpp"
#include "router/gate/from_conf.hpp"
#include "router/gate/gate.hpp"

namespace {

using namespace roomgate::router;
using cli::kDone;
using cli::kRefused;
using roomgate::Result;

// One line for each mistake, FILE:LINE: key: what is wrong and what is allowed.
Result<gate::Options, std::string> read_settings(const std::string& file) {
  const auto loaded = roomgate::conf::load_gate(file);
  if (!loaded) {
    std::string text;
    for (const auto& mistake : loaded.error()) text += (text.empty() ? "" : "\n") + mistake.to_string();
    return roomgate::fail(std::move(text));
  }
  auto options = gate::from_conf(*loaded);
  if (!options) return roomgate::fail(file + ": " + options.error());
  return options;
}

int check(const std::string& file) {
  const auto options = read_settings(file);
  if (!options) {
    std::cerr << options.error() << '\n';
    return kRefused;
  }
  // Certificates are part of the settings: a file that cannot be read is found by `check`, not at night.
  const auto credentials = gate::read_credentials(options->listen, options->shards, {}, std::time(nullptr));
  if (!credentials) {
    std::cerr << file << ": " << credentials.error() << '\n';
    return kRefused;
  }
  if (const auto peers = gate::Gate::check_peers(*options); !peers) {
    std::cerr << file << ": " << peers.error() << '\n';
    return kRefused;
  }
  for (const auto& warning : credentials->warnings) std::cerr << "warning: " << warning << '\n';
  return kDone;
}

int serve(const std::string& file, bool takeover, const std::string& program) {
  auto options = read_settings(file);
  if (!options) {
    std::cerr << options.error() << '\n';
    return kRefused;
  }
  roomgate::log::init("roomgate", roomgate::log::Level::info);
  roomgate::net::prepare_process();
  std::unique_ptr<handover::Inheritance> inherited;
  if (takeover) {
    auto received = handover::Inheritance::receive(options->upgrade_socket, options->name);
    if (!received) {
      LOG(error, "cannot_take_over", {"error", received.error()});
      return kRefused;
    }
    inherited = std::move(received).value();
  }
  auto made = gate::Gate::make(
      std::move(options).value(), [file] { return read_settings(file); },
      {.inherited = inherited.get(), .command = {program, "serve", "--config", file, "--takeover"}});
  if (!made) {
    LOG(error, takeover ? "cannot_take_over" : "cannot_start", {"error", made.error()});
    if (inherited != nullptr) inherited->refuse(made.error());
    return kRefused;
  }
  return (*made)->run() ? kDone : kRefused;
}

int import(const std::string& file) {
  const auto settings = roomgate::conf::haproxy::import_file(file);
  if (!settings) {
    std::cerr << file << ": " << settings.error() << '\n';
    return kRefused;
  }
  std::cout << *settings;
  return kDone;
}

int print_reference() {
  std::cout << roomgate::conf::gate_reference();
  return kDone;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"roomgate: a front door that sends every request of a room to the same shard"};
  app.require_subcommand(1);
  cli::Action action;

  std::string config;
  bool only_check = false;
  auto* serve_command = app.add_subcommand("serve", "run");
  serve_command->add_option("--config", config, "the settings file")->required();
  serve_command->add_flag("--check", only_check, "only validate the settings");
  bool takeover = false;
  serve_command->add_flag(
      "--takeover", takeover,
      "take everything over from the process that serves now, without one refused connection");
  serve_command->callback(
      [&] { action = [&] { return only_check ? check(config) : serve(config, takeover, argv[0]); }; });

  auto* check_command = app.add_subcommand("check", "validate the settings");
  check_command->add_option("--config", config, "the settings file")->required();
  check_command->callback([&] { action = [&] { return check(config); }; });

  std::string haproxy;
  auto* import_command =
      app.add_subcommand("import", "a HAProxy configuration as settings, on standard output");
  import_command->add_option("FILE", haproxy, "haproxy.cfg")->required();
  import_command->callback([&] { action = [&] { return import(haproxy); }; });

  auto* reference_command =
      app.add_subcommand("reference", "every setting with its default, as a file to start from");
  reference_command->callback([&] { action = print_reference; });

  cli::add_commands(app, action);

  if (argc > 1) {
    if (const std::string mistake = cli::unknown_command(app, argv[1]); !mistake.empty()) {
      std::cerr << mistake << " (roomgate --help lists them)\n";
      return cli::kUsage;
    }
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cli::kDone : cli::kUsage;
  }
  return action();
}
