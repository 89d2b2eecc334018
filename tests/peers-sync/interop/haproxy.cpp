#include "tests/peers-sync/interop/haproxy.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/support/corpora.hpp"

namespace roomgate::peers_sync::tests {
namespace {

constexpr const char* kPrograms[] = {"/usr/sbin/haproxy", "/usr/local/sbin/haproxy"};
constexpr int kPatience = 5'000;  // ms, of one answer

const char* program() {
  for (const char* path : kPrograms) {
    if (access(path, X_OK) == 0) return path;
  }
  return nullptr;
}

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Folder::Folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "roomgate-peers-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Port::Port() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const int yes = 1;
  setsockopt(socket_, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
  setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(bind(socket_, raw, size) == 0);
  REQUIRE(getsockname(socket_, raw, &size) == 0);
  number_ = ntohs(address.sin_port);
}

Port::~Port() { close(socket_); }

bool Haproxy::installed() { return program() != nullptr; }

Haproxy::Haproxy(std::string name, int port, const std::vector<Neighbour>& others) : name_(std::move(name)) {
  const std::string at = folder_.path().string();
  std::ofstream config(folder_.path() / "haproxy.cfg");
  config << "global\n  localpeer " << name_ << "\n  stats socket " << at << "/stats level admin\n"
         << "defaults\n  mode http\n  timeout connect 2s\n  timeout client 10s\n  timeout server 10s\n"
         << "peers neighbours\n  peer " << name_ << " 127.0.0.1:" << port << "\n";
  for (const Neighbour& other : others) {
    config << "  peer " << other.name << " 127.0.0.1:" << other.port << "\n";
  }
  config << "frontend web\n  bind " << at << "/web\n  default_backend jitsi-meet\n"
         << "backend jitsi-meet\n  balance roundrobin\n"
         << "  stick-table type string len 128 size 200k expire 1d peers neighbours\n  stick on urlp(room)\n";
  for (const char* server : {"s1", "s2"}) {
    config << "  server " << server << " unix@" << at << "/" << server << " id " << server[1] << "\n";
  }
  for (const char* server : {"s1", "s2"}) {
    config << "frontend " << server << "\n  bind " << at << "/" << server
           << "\n  http-request return status 200 content-type text/plain string " << server << "\n";
  }
}

Haproxy::~Haproxy() { kill(); }

pid_t Haproxy::spawn(const std::vector<std::string>& more) {
  std::vector<std::string> words = {program(), "-db", "-f", (folder_.path() / "haproxy.cfg").string()};
  words.insert(words.end(), more.begin(), more.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::string errors = (folder_.path() / "stderr").string();
  const pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    // Also when the test ends without its destructors.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = open(errors.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(out, STDERR_FILENO);
    dup2(out, STDOUT_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  return pid;
}

void Haproxy::start() {
  REQUIRE(pids_.empty());
  pids_.push_back(spawn({}));
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatience);
  while (!ask("stats", "show info\n")) {
    REQUIRE_MESSAGE(std::chrono::steady_clock::now() < until, said());
    poll(nullptr, 0, 5);
  }
}

void Haproxy::reload() {
  REQUIRE(pids_.size() == 1);
  const pid_t old = pids_.front();
  pids_.push_back(spawn({"-sf", std::to_string(old)}));
  // The old one ends when it has taught the new one.
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(2 * kPatience);
  while (waitpid(old, nullptr, WNOHANG) == 0) {
    REQUIRE_MESSAGE(std::chrono::steady_clock::now() < until, said());
    poll(nullptr, 0, 5);
  }
  pids_.erase(pids_.begin());
}

void Haproxy::kill() {
  for (const pid_t pid : pids_) {
    ::kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  pids_.clear();
}

std::optional<std::string> Haproxy::ask(const std::string& name, const std::string& text) const {
  const Descriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (folder_.path() / name).string();
  REQUIRE(path.size() < sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return std::nullopt;
  if (send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) {
    return std::nullopt;
  }
  std::string answer;
  while (true) {
    pollfd readable{fd.get(), POLLIN, 0};
    if (poll(&readable, 1, kPatience) <= 0) return std::nullopt;
    char buffer[16384];
    const ssize_t got = recv(fd.get(), buffer, sizeof buffer, 0);
    if (got < 0) return std::nullopt;
    if (got == 0) return answer;
    answer.append(buffer, static_cast<std::size_t>(got));
  }
}

std::optional<std::string> Haproxy::request(const std::string& room) const {
  const auto answer =
      ask("web", "GET /http-bind?room=" + room + " HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
  if (!answer || !answer->starts_with("HTTP/1.1 200")) return std::nullopt;
  return answer->substr(answer->size() - 2);
}

bool Haproxy::command(const std::string& text) const { return ask("stats", text + "\n").has_value(); }

std::map<std::string, Haproxy::Row> Haproxy::table() const {
  std::map<std::string, Row> rows;
  std::istringstream lines(ask("stats", "show table jitsi-meet\n").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    std::string key;
    Row row;
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      if (word.starts_with("key=")) key = word.substr(4);
      if (word.starts_with("server_id=")) row.server_id = std::stoi(word.substr(10));
      if (word.starts_with("server_key=")) row.server_key = word.substr(11);
    }
    if (!key.empty()) rows[key] = row;
  }
  return rows;
}

std::string Haproxy::said() const {
  return name_ + ": " + roomgate::tests::read_file(folder_.path() / "stderr");
}

}  // namespace roomgate::peers_sync::tests
