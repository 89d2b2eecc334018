// Telling when files have changed, by looking at them now and then rather than listening to inotify: a look
// sees every kind of change (a symbolic link anywhere in a path swapped, as Kubernetes and ACME clients do
// it; network file systems), needs no descriptor, and costs 2 us a file. Start-up and control core.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace roomgate {

// Adds what tells one state of the file from another: its name, and where, how large and from when it is. A
// file that is not there has a state too.
void append_file_facts(const std::string& name, std::string& out);
// Of one file: equal as long as it was not written, replaced, or removed.
std::uint64_t file_fingerprint(const std::string& name);

// Says when a changed set is worth reading: once it has looked the same twice, since what belongs together (a
// certificate and its key) is written one after the other.
class Settled {
 public:
  explicit Settled(std::uint64_t read) : read_(read) {}
  // True: read the files now. From then on that look counts as read, whether or not it was any good.
  bool observe(std::uint64_t seen);
  // Somebody has read them meanwhile.
  void taken(std::uint64_t seen);

 private:
  std::uint64_t read_;
  std::optional<std::uint64_t> candidate_;
};

}  // namespace roomgate
