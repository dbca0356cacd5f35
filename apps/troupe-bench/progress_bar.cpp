#include "apps/troupe-bench/progress_bar.hpp"

#include <cstdio>
#include <fmt/format.h>
#include <unistd.h>

namespace troupe::bench {

namespace {

constexpr auto redraw_interval = std::chrono::milliseconds{200};
constexpr std::uint64_t width = 30;

} // namespace

std::string progress_line(const std::string& label, std::uint64_t done, std::uint64_t total,
                          double seconds) {
  const auto whole = std::max<std::uint64_t>(total, 1);
  const auto share = std::min(done, whole);
  const auto filled = share * width / whole;
  const auto rate = seconds > 0 ? static_cast<double>(done) / seconds : 0.0;
  return fmt::format("{}  [{:<{}}] {:3} %  {} of {}  {:.0f}/s", label, std::string(filled, '#'),
                     width, share * 100 / whole, done, total, rate);
}

progress_bar::progress_bar() : shown_{isatty(STDERR_FILENO) == 1} {}

progress_bar::~progress_bar() {
  if (shown_)
    std::fputs("\r\x1b[K", stderr);
}

void progress_bar::show(std::string label, std::uint64_t total,
                        std::function<std::uint64_t()> done) {
  label_ = std::move(label);
  total_ = total;
  done_ = std::move(done);
  begin_ = next_ = clock::now();
}

instant progress_bar::step(instant now) {
  if (!shown_ || !done_)
    return instant::max();
  if (now < next_)
    return next_;
  const auto line = progress_line(label_, done_(), total_, in_seconds(now - begin_));
  std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
  std::fflush(stderr);
  return next_ = now + redraw_interval;
}

} // namespace troupe::bench
