// roomload: the load test. Simulated participants, without browsers, against any Jitsi-compatible shard. Exit
// codes: 0 all went well, 1 a threshold was missed or the run could not begin, 2 wrong usage.
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "bench/roomload/report/report.hpp"
#include "bench/roomload/session/runner.hpp"

namespace {

namespace roomload = roomgate::bench::roomload;
using roomgate::Duration;
using roomload::media::Codec;
using roomload::media::Sample;
using roomload::session::Plan;
using roomload::session::Video;
using roomload::session::View;

// What the command line says; what it leaves out is the scenario's.
struct Options {
  std::string url;
  std::string scenario;
  std::optional<std::uint32_t> rooms;
  std::optional<std::uint32_t> participants;
  std::optional<std::uint32_t> senders;
  bool senders_last = false;
  std::string duration;
  std::string ramp;
  std::string video;
  std::string audio;
  std::string codec;
  std::string view;
  std::optional<int> last_n;
  std::string spread;
  std::string send_after;
  std::string feedback = "transport-cc";
  std::optional<std::uint32_t> read;
  std::string network;
  std::string adapter = "jitsi";
  std::string srtp = "any";
  std::string stream;
  std::string record;
  std::size_t threads = 0;
  bool insecure = false;
  bool ssrc_rewriting = false;
  std::string domain;
  std::string muc;
  std::string focus;
  std::string websocket;
  std::string conference_request;
  std::string json_file;
  std::string html_file;
  std::string points_file;
  std::string max_loss;
  std::string max_join;
  std::string max_first_media;
  std::string max_latency;
  std::optional<std::uint64_t> max_freezes;
  std::uint32_t max_failed = 0;
};

struct WrongUsage {
  std::string text;
};

Duration duration_of(const char* option, const std::string& text) {
  const auto read = roomload::session::parse_duration(text);
  if (!read)
    throw WrongUsage{std::string(option) + ": \"" + text + "\" is no time (allowed: 500ms, 60s, 2m, 1h)"};
  return *read;
}

void add_options(CLI::App& app, Options& o) {
  std::vector<std::string> scenarios;
  for (const auto& scenario : roomload::session::scenarios()) scenarios.emplace_back(scenario.name);
  std::vector<std::string> networks = {"none"};
  for (const auto& profile : roomload::network::profiles()) networks.emplace_back(profile.name);
  app.get_formatter()->column_width(34);

  app.add_option("URL", o.url,
                 "what a person would open: https://host/ROOMPREFIX; rooms are ROOMPREFIX1, 2 ...")
      ->required();
  app.add_option("--rooms", o.rooms, "rooms (1)")->check(CLI::Range(1, 100'000))->option_text("N");
  app.add_option("--participants", o.participants, "in each room (3)")
      ->check(CLI::Range(1, 10'000))
      ->option_text("M");
  app.add_option("--senders", o.senders, "of them, how many send (all)")
      ->check(CLI::Range(0, 10'000))
      ->option_text("K");
  app.add_flag("--senders-last", o.senders_last, "senders join after those who only watch");
  app.add_option("--duration", o.duration, "after the ramp (60s)")->option_text("TIME");
  app.add_option("--ramp", o.ramp, "from the first to the last who joins (10s)")->option_text("TIME");
  app.add_option("--video", o.video, "what senders send (vp8-simulcast)")
      ->check(CLI::IsMember({"vp8-simulcast", "vp8-720p", "neutral", "none"}))
      ->option_text("vp8-simulcast|vp8-720p|neutral|none");
  app.add_option("--audio", o.audio, "(opus)")
      ->check(CLI::IsMember({"opus", "none"}))
      ->option_text("opus|none");
  app.add_option("--codec", o.codec, "of the video (vp8)")
      ->check(CLI::IsMember({"vp8", "vp9", "av1", "h264"}))
      ->option_text("vp8|vp9|av1|h264");
  app.add_option("--stream", o.stream, "send this recording instead: FILE.ivf")->option_text("FILE.ivf");
  app.add_option("--record", o.record,
                 "write the first video that the first participant gets: IVF, H264 as Annex B")
      ->option_text("FILE");
  app.add_option("--spread", o.spread, "a frame's packets leave over this time (0ms: back to back)")
      ->option_text("TIME");
  app.add_option("--send-after", o.send_after,
                 "nobody sends before that, counted from the first who joins (0s)")
      ->option_text("TIME");
  app.add_option("--feedback", o.feedback,
                 "transport-wide feedback for congestion control, or reports and NACKs alone (transport-cc)")
      ->check(CLI::IsMember({"transport-cc", "reports"}))
      ->option_text("transport-cc|reports");
  app.add_option("--view", o.view,
                 "what each asks for: one at 720p and others at 180p, all at 360p, all at 720p, these in "
                 "turn (stage)")
      ->check(CLI::IsMember({"stage", "tiles", "full", "changing"}))
      ->option_text("stage|tiles|full|changing");
  app.add_option("--last-n", o.last_n, "videos each asks for at most (-1: all)")
      ->check(CLI::Range(-1, 10'000))
      ->option_text("N");
  app.add_flag("--ssrc-rewriting", o.ssrc_rewriting,
               "sources come by the bridge's maps, under its own SSRCs");
  app.add_option("--scenario", o.scenario, "a set of the above to begin with")
      ->check(CLI::IsMember(scenarios))
      ->option_text(CLI::detail::join(scenarios, "|"));
  app.add_option("--network", o.network, "each participant's own bad network (none)")
      ->check(CLI::IsMember(networks))
      ->option_text(CLI::detail::join(networks, "|"));
  app.add_option("--adapter", o.adapter, "how the server is spoken to (jitsi)")
      ->check(CLI::IsMember({"jitsi", "janus"}))
      ->option_text("jitsi|janus");
  app.add_option(
         "--read", o.read,
         "so many are read and checked, of each room as many; for the others the kernel drops media (all)")
      ->option_text("N");
  app.add_option("--srtp", o.srtp, "profiles that participants offer (any)")
      ->check(CLI::IsMember({"any", "gcm", "cm"}))
      ->option_text("any|gcm|cm");
  app.add_option("--threads", o.threads, "(0: one a CPU)")->check(CLI::Range(0, 256))->option_text("N");
  app.add_flag("--insecure", o.insecure, "do not check the server's certificate");
  app.add_option("--domain", o.domain, "XMPP domain (told by /config.json or /config.js)")
      ->option_text("NAME");
  app.add_option("--muc", o.muc, "where rooms are (conference.DOMAIN)")->option_text("NAME");
  app.add_option("--focus", o.focus, "whom conferences are asked of (focus.DOMAIN)")->option_text("NAME");
  app.add_option("--websocket", o.websocket, "XMPP WebSocket (wss://host/xmpp-websocket)")
      ->option_text("URL");
  app.add_option("--conference-request", o.conference_request,
                 "ask for conferences over HTTP, at this address")
      ->option_text("URL");
  app.add_option("--json", o.json_file, "write the summary to this file, - for standard output")
      ->option_text("FILE");
  app.add_option("--points", o.points_file,
                 "write counts to this file each second, as a line of JSON, - for standard output")
      ->option_text("FILE");
  app.add_option("--html", o.html_file, "write the report with plots to this file")->option_text("FILE");
  app.add_option("--max-failed", o.max_failed, "exit 1 when more participants fail (0)")->option_text("N");
  app.add_option("--max-loss", o.max_loss, "exit 1 when more is lost, in per cent")->option_text("PERCENT");
  app.add_option("--max-join", o.max_join, "exit 1 when somebody takes longer to join")->option_text("TIME");
  app.add_option("--max-first-media", o.max_first_media, "exit 1 when somebody waits longer for media")
      ->option_text("TIME");
  app.add_option("--max-latency", o.max_latency, "exit 1 when the 99th percentile of video is above")
      ->option_text("TIME");
  app.add_option("--max-freezes", o.max_freezes, "exit 1 when there are more")->option_text("N");
}

Plan plan_of(const Options& o) {
  Plan plan;
  for (const auto& scenario : roomload::session::scenarios()) {
    if (scenario.name == o.scenario) plan = scenario.plan;
  }
  if (o.rooms) plan.rooms = *o.rooms;
  if (o.participants) plan.participants = *o.participants;
  if (o.senders) plan.senders = o.senders;
  plan.senders_last = o.senders_last;
  if (!o.duration.empty()) plan.duration = duration_of("--duration", o.duration);
  if (!o.ramp.empty()) plan.ramp = duration_of("--ramp", o.ramp);
  if (!o.send_after.empty()) plan.send_after = duration_of("--send-after", o.send_after);
  plan.transport_cc = o.feedback == "transport-cc";
  if (!o.spread.empty()) plan.spread = duration_of("--spread", o.spread);
  if (o.video == "none") plan.video = Video::none;
  if (o.video == "vp8-simulcast") plan.video = Video::simulcast;
  if (o.video == "vp8-720p") plan.video = Video::single_720p;
  if (o.video == "neutral") plan.video = Video::neutral;
  if (!o.audio.empty()) plan.audio = o.audio == "opus";
  if (o.codec == "vp9") plan.codec = Codec::vp9;
  if (o.codec == "av1") plan.codec = Codec::av1;
  if (o.codec == "h264") plan.codec = Codec::h264;
  if (o.view == "stage") plan.view = View::stage;
  if (o.view == "tiles") plan.view = View::tiles;
  if (o.view == "full") plan.view = View::full;
  if (o.view == "changing") plan.view = View::changing;
  if (o.last_n) plan.last_n = *o.last_n;
  plan.ssrc_rewriting = o.ssrc_rewriting;
  plan.read = o.read;
  plan.threads = o.threads;
  if (!o.network.empty() && o.network != "none") plan.network = *roomload::network::find_profile(o.network);
  if (o.srtp == "gcm") plan.srtp = roomload::transport::SrtpChoice::gcm;
  if (o.srtp == "cm") plan.srtp = roomload::transport::SrtpChoice::cm;
  if (o.adapter == "janus") {
    plan.adapter = roomload::session::Adapter::janus;
    const bool one_stream = plan.video == Video::neutral || plan.video == Video::single_720p;
    if (plan.audio || !one_stream || plan.codec != Codec::vp8 || !o.stream.empty()) {
      throw WrongUsage{"--adapter janus: only with --audio none and --video neutral or vp8-720p"};
    }
  }
  if (plan.asked() > 100'000) throw WrongUsage{"--rooms times --participants: at most 100000"};
  if (plan.video != Video::simulcast && plan.codec != Codec::vp8 && o.stream.empty()) {
    throw WrongUsage{"--codec: only with the recordings, so not with --video " + o.video};
  }
  return plan;
}

roomload::session::Limits limits_of(const Options& o) {
  roomload::session::Limits limits;
  limits.max_failed = o.max_failed;
  if (!o.max_loss.empty()) {
    const std::string number =
        o.max_loss.ends_with('%') ? o.max_loss.substr(0, o.max_loss.size() - 1) : o.max_loss;
    char* end = nullptr;
    limits.max_loss = std::strtod(number.c_str(), &end);
    if (number.empty() || *end != '\0' || !(limits.max_loss >= 0 && limits.max_loss <= 100)) {
      throw WrongUsage{"--max-loss: \"" + o.max_loss + "\" is no share in per cent (allowed: 0 to 100)"};
    }
    limits.loss = true;
  }
  const auto set = [](const char* option, const std::string& text, Duration& limit, bool& judged) {
    if (text.empty()) return;
    limit = duration_of(option, text);
    judged = true;
  };
  set("--max-join", o.max_join, limits.max_join, limits.join);
  set("--max-first-media", o.max_first_media, limits.max_first_media, limits.first_media);
  set("--max-latency", o.max_latency, limits.max_latency, limits.latency);
  if (o.max_freezes) {
    limits.max_freezes = *o.max_freezes;
    limits.freezes = true;
  }
  return limits;
}

// The recording that is sent; `own` holds it where it is not one of the program's.
const Sample* video_of(Plan& plan, const std::string& file, Sample& own) {
  if (!file.empty()) {
    std::ifstream in(file, std::ios::binary);
    if (!in) throw WrongUsage{"--stream: " + file + " cannot be read"};
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    auto read = roomload::media::read_ivf(roomgate::as_bytes(bytes));
    if (!read) {
      throw WrongUsage{"--stream: " + file + ": " + std::string(roomload::media::words(read.error()))};
    }
    own = std::move(*read);
    plan.codec = own.codec;
    return &own;
  }
  switch (plan.video) {
    case Video::none: return nullptr;
    case Video::simulcast: return &roomload::media::recorded_video(plan.codec);
    case Video::single_720p:
      own = roomload::media::recorded_video(plan.codec);
      own.layers.erase(own.layers.begin(), own.layers.end() - 1);
      return &own;
    case Video::neutral: own = roomload::media::neutral_video(); return &own;
  }
  return nullptr;
}

bool write_file(const std::string& path, const std::string& text) {
  if (path == "-") {
    std::cout << text << std::flush;
    return static_cast<bool>(std::cout);
  }
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) std::cerr << "roomload: " << path << " cannot be written\n";
  return static_cast<bool>(out);
}

int run(const Options& options) {
  roomload::session::Run run;
  run.plan = plan_of(options);
  const auto limits = limits_of(options);
  const auto page = roomload::signal::Url::parse(options.url);
  if (!page) throw WrongUsage{"\"" + options.url + "\" is not https://host/ROOMPREFIX"};
  run.page = *page;
  const auto prefix = roomload::signal::room_prefix(run.page);
  if (!prefix) throw WrongUsage{"\"" + run.page.path + "\" is not /ROOMPREFIX or /TENANT/ROOMPREFIX"};
  run.prefix = *prefix;
  if (run.prefix.room.empty()) run.prefix.room = "roomload-" + roomgate::random_hex(3) + "-";
  run.settings = {.domain = options.domain,
                  .muc = options.muc,
                  .focus = options.focus,
                  .websocket = options.websocket,
                  .conference_request = options.conference_request};
  Sample own;
  run.video = video_of(run.plan, options.stream, own);
  run.audio = run.plan.audio ? &roomload::media::recorded_audio() : nullptr;

  std::ofstream record;
  if (!options.record.empty()) {
    record.open(options.record, std::ios::binary);
    if (!record) throw WrongUsage{"--record: " + options.record + " cannot be written"};
    run.record = [&record](roomgate::ByteView bytes) {
      record.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    };
  }

  auto network = roomload::signal::Network::make({.insecure = options.insecure});
  if (!network) {
    std::cerr << "roomload: " << network.error().text << "\n";
    return 1;
  }
  run.network = network->get();
  run.identity = roomload::transport::DtlsIdentity::make(run.plan.srtp);
  if (run.identity == nullptr) {
    std::cerr << "roomload: OpenSSL makes no certificate for DTLS\n";
    return 1;
  }

  std::ofstream points;
  std::ostream* watcher = options.points_file == "-" ? &std::cout : nullptr;
  if (!options.points_file.empty() && watcher == nullptr) {
    points.open(options.points_file, std::ios::binary);
    if (!points) throw WrongUsage{"--points: " + options.points_file + " cannot be written"};
    watcher = &points;
  }
  roomload::session::Progress progress(watcher);
  roomload::session::Runner runner(std::move(run), limits, progress);
  const auto summary = runner.run();
  if (!summary) {
    std::cerr << "roomload: " << summary.error().text << "\n";
    return 1;
  }
  // Standard output is for one reader: a person, or a program.
  if (options.json_file != "-" && options.points_file != "-")
    std::cout << roomload::report::table(*summary) << std::flush;
  bool written = true;
  if (!options.json_file.empty()) written = write_file(options.json_file, roomload::report::json(*summary));
  if (!options.html_file.empty())
    written = write_file(options.html_file, roomload::report::html(*summary)) && written;
  return summary->passed() && written ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"roomload: a load test without browsers for Jitsi-compatible shards"};
  Options options;
  add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  roomgate::log::init("roomload", roomgate::log::Level::warn);
  roomgate::net::prepare_process();
  try {
    return run(options);
  } catch (const WrongUsage& wrong) {
    std::cerr << "roomload: " << wrong.text << "\n";
    return 2;
  }
}
