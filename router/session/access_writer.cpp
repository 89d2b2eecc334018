#include "router/session/access_writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace roomgate::router::session {
namespace {

void write_fully(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      // stdout may be a pipe that somebody made non-blocking.
      pollfd wait{descriptor, POLLOUT, 0};
      ::poll(&wait, 1, 1000);
    } else if (errno != EINTR) {
      return;  // the reader is gone: logging must not end the service
    }
  }
}

}  // namespace

AccessWriter::AccessWriter(std::string target, metrics::Counter& dropped, Limits limits)
    : target_(std::move(target)), on_(target_ != "off"), dropped_(dropped), limits_(limits) {
  if (on()) thread_ = std::thread([this] { run(); });
}

AccessWriter::~AccessWriter() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  if (descriptor_ > STDERR_FILENO) ::close(descriptor_);
}

AccessWriter::Opened::~Opened() {
  if (descriptor_ > STDERR_FILENO) ::close(descriptor_);
}

Result<AccessWriter::Opened, std::string> AccessWriter::prepare(const std::string& target) {
  if (target == "off") return Opened(target, -1);
  if (target == "stdout") return Opened(target, STDOUT_FILENO);
  const int opened = ::open(target.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (opened < 0) return fail(target + ": " + std::strerror(errno));
  return Opened(target, opened);
}

Result<void, std::string> AccessWriter::open() {
  auto opened = prepare(target_);
  if (!opened) return fail(opened.error());
  use(std::move(opened).value());
  return {};
}

void AccessWriter::use(Opened opened) {
  flush();
  {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return !busy_; });
    target_ = opened.target_;
    // The one that was in use goes with what brought the new one.
    std::swap(descriptor_, opened.descriptor_);
    on_.store(target_ != "off", std::memory_order_relaxed);
  }
  if (on() && !thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void AccessWriter::write(std::string_view lines) {
  if (!on() || lines.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() + lines.size() > limits_.queued_bytes) {
      dropped_.add(static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n')));
      return;
    }
    queue_ += lines;
  }
  wake_.notify_one();
}

void AccessWriter::flush() {
  std::unique_lock lock(mutex_);
  if (!thread_.joinable() || descriptor_ < 0) return;
  wake_.notify_one();
  idle_.wait(lock, [this] { return queue_.empty() && !busy_; });
}

void AccessWriter::run() {
  std::string batch;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || (!queue_.empty() && descriptor_ >= 0); });
    // Lines that came in the moment it was turned off.
    if (queue_.empty() || descriptor_ < 0) return;
    batch.clear();
    batch.swap(queue_);
    busy_ = true;
    const int descriptor = descriptor_;
    lock.unlock();
    write_fully(descriptor, batch);
    lock.lock();
    busy_ = false;
    idle_.notify_all();
  }
}

}  // namespace roomgate::router::session
