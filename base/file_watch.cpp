#include "base/file_watch.hpp"

#include <sys/stat.h>

#include <array>
#include <cstring>

#include "base/bytes.hpp"
#include "base/siphash.hpp"

namespace roomgate {

void append_file_facts(const std::string& name, std::string& out) {
  struct stat facts {};
  out += name;
  out += '\0';
  if (::stat(name.c_str(), &facts) != 0) return;
  const std::array<std::int64_t, 7> numbers = {static_cast<std::int64_t>(facts.st_dev),
                                               static_cast<std::int64_t>(facts.st_ino),
                                               facts.st_size,
                                               facts.st_mtim.tv_sec,
                                               facts.st_mtim.tv_nsec,
                                               facts.st_ctim.tv_sec,
                                               facts.st_ctim.tv_nsec};
  std::array<char, sizeof numbers> bytes;
  std::memcpy(bytes.data(), numbers.data(), sizeof numbers);
  out.append(bytes.data(), bytes.size());
}

std::uint64_t file_fingerprint(const std::string& name) {
  std::string facts;
  append_file_facts(name, facts);
  return siphash(as_bytes(facts));
}

bool Settled::observe(std::uint64_t seen) {
  if (seen == read_) {
    candidate_.reset();
    return false;
  }
  if (candidate_ != seen) {
    candidate_ = seen;
    return false;
  }
  taken(seen);
  return true;
}

void Settled::taken(std::uint64_t seen) {
  read_ = seen;
  candidate_.reset();
}

}  // namespace roomgate
