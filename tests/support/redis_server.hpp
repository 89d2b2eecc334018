// A real redis-server for a test: at a loopback address that no other process uses, so that it can be killed
// and started again at the same port. It ends with the test.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace roomgate::tests {

class RedisServer {
 public:
  static bool is_installed() { return std::system("command -v redis-server >/dev/null 2>&1") == 0; }

  explicit RedisServer(std::vector<std::string> options = {}) : options_(std::move(options)) {
    static int next = 1;
    host_ = "127." + std::to_string(1 + ::getpid() % 250) + "." + std::to_string((::getpid() >> 8) % 256) +
            "." + std::to_string(next++);
    char folder[] = "/tmp/roomgate-redis-XXXXXX";
    REQUIRE(::mkdtemp(folder) != nullptr);
    folder_ = folder;
    port_ = free_port();
  }
  ~RedisServer() {
    kill();
    std::filesystem::remove_all(folder_);
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  // What it knew when it was killed is there again: each change is on disk before it is answered.
  void start() {
    std::vector<std::string> words = {
        "redis-server", "--bind",        host_,    "--port",    std::to_string(port_),
        "--dir",        folder_,         "--save", "",          "--appendonly",
        "yes",          "--appendfsync", "always", "--logfile", folder_ + "/log"};
    words.insert(words.end(), options_.begin(), options_.end());
    run(std::move(words));
  }
  // As a sentinel, which wants a file that it may change.
  void start_sentinel(const std::string& settings) {
    const std::string file = folder_ + "/sentinel.conf";
    std::ofstream(file) << "bind " << host_ << "\nport " << port_ << "\ndir " << folder_ << "\nlogfile "
                        << folder_ << "/log\n"
                        << settings;
    run({"redis-server", file, "--sentinel"});
  }
  // Of a replica: connections from here would come from 127.0.0.1 otherwise, where nobody is found.
  void announce_own_address() { options_.insert(options_.end(), {"--replica-announce-ip", host_}); }
  void kill() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = 0;
  }
  void forget_all() {
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      std::filesystem::remove_all(entry.path());
    }
  }

  const std::string& host() const { return host_; }
  std::uint16_t port() const { return port_; }
  const std::string& folder() const { return folder_; }

 private:
  void run(std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const pid_t parent = ::getpid();
    process_ = ::fork();
    REQUIRE(process_ >= 0);
    if (process_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() == parent) ::execvp("redis-server", arguments.data());
    ::_exit(127);
  }

  std::uint16_t free_port() const {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    REQUIRE(::inet_pton(AF_INET, host_.c_str(), &address.sin_addr) == 1);
    socklen_t size = sizeof address;
    REQUIRE(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    ::close(descriptor);
    return ntohs(address.sin_port);
  }

  std::vector<std::string> options_;
  std::string host_;
  std::string folder_;
  std::uint16_t port_ = 0;
  pid_t process_ = 0;
};

}  // namespace roomgate::tests
