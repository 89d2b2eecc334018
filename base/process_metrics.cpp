#include "base/process_metrics.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace roomgate::metrics {
namespace {

struct Stat {
  double user_ticks = 0;
  double system_ticks = 0;
  double start_ticks = 0;
  double virtual_bytes = 0;
  double resident_pages = 0;
};

// proc(5): the second field is the program's name in brackets and may hold anything.
bool read_stat(Stat& stat) {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return false;
  const auto bracket = line.rfind(')');
  if (bracket == line.npos) return false;
  std::istringstream fields(line.substr(bracket + 1));
  std::string field;
  for (int number = 3; fields >> field; ++number) {
    switch (number) {
      case 14: stat.user_ticks = std::stod(field); break;
      case 15: stat.system_ticks = std::stod(field); break;
      case 22: stat.start_ticks = std::stod(field); break;
      case 23: stat.virtual_bytes = std::stod(field); break;
      case 24: stat.resident_pages = std::stod(field); return true;
      default: break;
    }
  }
  return false;
}

double boot_time() {
  std::ifstream file("/proc/stat");
  std::string word;
  double value = 0;
  while (file >> word) {
    if (word == "btime" && file >> value) return value;
  }
  return 0;
}

double open_descriptors() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return -1;
  int entries = 0;
  while (::readdir(folder) != nullptr) ++entries;
  ::closedir(folder);
  return entries - 3;  // ".", ".." and the folder itself
}

void append(std::string& out, std::string_view name, std::string_view kind, std::string_view help,
            double value, Format format) {
  std::string_view family = name;
  if (format == Format::openmetrics && kind == "counter")
    family.remove_suffix(std::string_view("_total").size());
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%.15g", value);
  out.append("# HELP ")
      .append(family)
      .append(" ")
      .append(help)
      .append("\n# TYPE ")
      .append(family)
      .append(" ");
  out.append(kind).append("\n").append(name).append(" ").append(text.data()).append("\n");
}

}  // namespace

std::string process_metrics(Format format) {
  std::string out;
  Stat stat;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  if (read_stat(stat) && ticks > 0) {
    append(out, "process_cpu_seconds_total", "counter", "User and system CPU time.",
           (stat.user_ticks + stat.system_ticks) / ticks, format);
    append(out, "process_resident_memory_bytes", "gauge", "Memory in RAM.",
           stat.resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE)), format);
    append(out, "process_virtual_memory_bytes", "gauge", "Address space.", stat.virtual_bytes, format);
    if (const double boot = boot_time(); boot > 0) {
      append(out, "process_start_time_seconds", "gauge", "Start, Unix time.", boot + stat.start_ticks / ticks,
             format);
    }
  }
  if (const double open = open_descriptors(); open >= 0)
    append(out, "process_open_fds", "gauge", "Open file descriptors.", open, format);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    append(out, "process_max_fds", "gauge", "File descriptors that may be open.",
           static_cast<double>(limit.rlim_cur), format);
  }
  return out;
}

}  // namespace roomgate::metrics
