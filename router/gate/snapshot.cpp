#include "router/gate/snapshot.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/log.hpp"

namespace roomgate::router::gate {
namespace {

struct File {
  explicit File(int fd) : descriptor(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor >= 0) ::close(descriptor);
  }
  int descriptor;
};

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string folder_of(const std::string& file) {
  const auto slash = file.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : file.substr(0, slash);
}

}  // namespace

Result<void, std::string> write_whole(const std::string& file, std::string_view bytes) {
  const std::string temporary = file + ".new";
  const auto failed = [&temporary](const std::string& name) {
    auto error = name + ": " + std::strerror(errno);
    ::unlink(temporary.c_str());
    return fail(std::move(error));
  };
  {
    const File out(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (out.descriptor < 0) return failed(temporary);
    // One that was left over may have been anybody's to read.
    if (::fchmod(out.descriptor, 0600) != 0) return failed(temporary);
    if (!write_all(out.descriptor, bytes) || ::fsync(out.descriptor) != 0) return failed(temporary);
  }
  if (::rename(temporary.c_str(), file.c_str()) != 0) return failed(file);
  const File folder(::open(folder_of(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.descriptor >= 0) (void)::fsync(folder.descriptor);
  return {};
}

Result<std::optional<std::string>, std::string> read_whole(const std::string& file, std::size_t most) {
  const File in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.descriptor < 0 && errno == ENOENT) return std::optional<std::string>();
  struct stat status {};
  if (in.descriptor < 0 || ::fstat(in.descriptor, &status) != 0)
    return fail(file + ": " + std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return fail(file + " is no file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > most) return fail(file + " is too large for the rooms that this gate may have");
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const auto read = ::read(in.descriptor, bytes.data() + have, size - have);
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return fail(file + ": " + std::strerror(errno));
    if (read == 0) break;
    have += static_cast<std::size_t>(read);
  }
  bytes.resize(have);
  return std::optional<std::string>(std::move(bytes));
}

void Snapshot::write_to(const std::string& file, Duration interval) {
  if (file.empty()) return stop(Last::none);
  {
    const std::lock_guard lock(mutex_);
    file_ = file;
    interval_ = interval;
  }
  wake_.notify_all();
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void Snapshot::stop(Last last) {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  stopping_ = false;
  if (last == Last::write) write(file_);
}

std::optional<Duration> Snapshot::age(TimePoint now) const {
  const std::lock_guard lock(mutex_);
  if (!written_) return std::nullopt;
  return now - *written_;
}

void Snapshot::run() {
  std::unique_lock lock(mutex_);
  TimePoint last = Clock::now();
  while (!stopping_) {
    if (wake_.wait_until(lock, last + interval_) == std::cv_status::no_timeout) continue;
    if (stopping_ || Clock::now() < last + interval_) continue;
    const std::string file = file_;
    lock.unlock();
    write(file);
    last = Clock::now();
    lock.lock();
  }
}

void Snapshot::write(const std::string& file) {
  const auto began = Clock::now();
  const auto done = write_whole(file, make_());
  if (!done) {
    failures_.add();
    LOG(error, "snapshot_failed", {"error", done.error()});
    return;
  }
  const std::lock_guard lock(mutex_);
  written_ = began;
}

}  // namespace roomgate::router::gate
