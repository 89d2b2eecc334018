// What every operator's dashboard asks of a process, under the names that Prometheus' own clients use: CPU
// time, memory, descriptors, start. Read from /proc at each scrape. Any thread.
#pragma once

#include <string>

#include "base/metrics.hpp"

namespace roomgate::metrics {

// Whole families, for Registry::text(). What cannot be read is left out.
std::string process_metrics(Format format);

}  // namespace roomgate::metrics
