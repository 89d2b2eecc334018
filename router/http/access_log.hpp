// One JSON line per request. Of the query's values only those of a few harmless names are written (a token is
// a credential, and who knows under which name the next one comes), addresses are truncated unless asked
// otherwise (access_log_addresses). Pure: bytes out; who writes them is the session.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace roomgate::router::http {

struct AccessLine {
  std::chrono::system_clock::time_point time;  // when the request began
  std::string_view client_ip;
  std::string_view method;
  std::string_view path;   // as routed
  std::string_view query;  // as it came: append_redacted_query() is what is written of it
  std::string_view host;
  std::string_view protocol = "HTTP/1.1";
  int status = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  // Milliseconds, in their order; negative: that phase was not reached, and is left out.
  double accept_ms = -1;   // connection accepted to the first byte, without the handshake; its first request
  double tls_ms = -1;      // the handshake; its first request
  double head_ms = -1;     // first byte to the end of the head
  double decide_ms = -1;   // until a shard was known (a claim may wait)
  double wait_ms = -1;     // for one of the shard's max_connections
  double connect_ms = -1;  // 0 for a reused connection
  double answer_ms = -1;   // first_byte_ms: request sent to the head of the answer
  double total_ms = -1;    // first byte of the request to the last of the answer
  std::string_view room;   // the key
  std::string_view shard;
  std::string_view why;     // stick, new, moved, forced, any
  std::string_view reason;  // label of an answer made by roomgate itself
  std::string_view request_id;
  std::string_view tls;      // "TLSv1.3"; empty: plain
  bool tls_resumed = false;  // written where `tls` is
  unsigned retries = 0;      // further attempts on another connection or shard
  bool tunnel = false;
};

// Appends one line with its newline. `full_addresses` false: 192.0.2.77 -> 192.0.2.0, IPv6 to its /48.
void write_access_line(const AccessLine& line, bool full_addresses, std::string& out);

// Names as they came, values as "*": but for those that say where somebody goes and not who he is. What is no
// plain name is "*" too. Longer than 256 characters: cut, with "...".
void append_redacted_query(std::string_view query, std::string& out);

// RFC 8259 string with quotes; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string_view text, std::string& out);

std::string truncated_ip(std::string_view ip);

// 2026-01-31T09:08:07.123Z
void append_rfc3339(std::chrono::system_clock::time_point time, std::string& out);

}  // namespace roomgate::router::http
