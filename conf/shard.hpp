// The settings of roomshard, with their defaults in place; describe() in shard.cpp has ranges and help texts,
// and conf/roomshard.reference.toml is generated from it. Command-line options override the file.
#pragma once

#include <string>
#include <vector>

#include "conf/binder.hpp"

namespace roomgate::conf {

struct Shard {
  std::string name;
  std::string listen = "0.0.0.0:8080";
  std::string region;

  struct Xmpp {
    std::string domain = "meet.jitsi";
    std::string muc;         // empty: conference.DOMAIN
    std::string focus;       // empty: focus.DOMAIN
    std::string focus_user;  // empty: focus@auth.DOMAIN
  } xmpp;

  struct Media {
    std::string address;        // empty: all addresses of both families
    std::int64_t port = 10000;  // worker w binds port + w; 0: free ports
    std::int64_t workers = 1;
    std::int64_t spread_from = 300;
    std::vector<std::string> advertise;  // ADDR or ADDR:PORT
    std::int64_t loudest = 6;            // voices at once; 0: all
    std::int64_t loudest_from = 12;      // in rooms with as many microphones
    std::int64_t rewritten_voices = 12;  // SSRCs towards a client that lets the shard own them
    std::int64_t rewritten_videos = 32;  // 0: no client is taken at its word
    bool opus_red = false;               // offer voices with what came before in each packet
  } media;

  struct Web {
    std::string root;        // empty: the built-in client
    std::string public_url;  // "https://meet.example.org"; empty: from each request
    std::vector<std::string> trust_forwarded_from = {
        "127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"};
    std::string admin_token_file;
  } web;

  struct Turn {
    std::vector<std::string> uris;  // "turn:turn.example.org:3478?transport=udp"
    std::string secret;
    Duration ttl = std::chrono::hours(12);
  } turn;

  struct Limits {
    std::int64_t rooms = 1000;
    std::int64_t participants = 2000;
    std::int64_t participants_per_room = 200;
    double new_rooms_per_second = 2;  // of one client address
    std::int64_t new_rooms_burst = 200;
    std::int64_t sources_per_participant = 20;
    std::int64_t sender_packets_per_second = 4000;
    std::int64_t sender_kbps = 40'000;
  } limits;

  struct Overload {
    double busy = 0.9;                    // these three are a stress of 1
    std::int64_t packets_per_second = 0;  // of a worker, in and out; 0: any number
    Duration lag = std::chrono::milliseconds(30);
    double full_at = 0.9;
    double ready_below = 0.75;
    double reduce_last_n_at = 0.95;
    double raise_last_n_below = 0.75;
    std::int64_t least_last_n = 1;
  } overload;

  Duration shutdown_grace = std::chrono::seconds(60);
};

void describe(Binder& binder, Shard& shard);
Result<Shard, std::vector<Mistake>> load_shard(const std::string& file);
Result<Shard, std::vector<Mistake>> parse_shard(const std::string& text, const std::string& file);
std::string shard_reference();

// Fills the names that follow from others ("conference.DOMAIN" ...). After file and command line were read.
void complete(Shard& shard);

}  // namespace roomgate::conf
