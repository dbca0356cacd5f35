#include "apps/troupectl/progress.hpp"

#include <algorithm>
#include <ostream>

namespace troupe::ctl {

std::string progress_text(std::int64_t done, std::int64_t total, std::string_view what,
                          double seconds) {
  constexpr std::int64_t width = 40;
  std::string out;
  if (total > 0) {
    auto filled = static_cast<std::size_t>(width * std::min(done, total) / total);
    out = "[" + std::string(filled, '=') + std::string(width - filled, ' ') + "] ";
  }
  out += std::to_string(done);
  if (total > 0)
    out += " / " + std::to_string(total);
  out += " " + std::string{what};
  if (seconds > 0)
    out += ", " + std::to_string(static_cast<std::int64_t>(static_cast<double>(done) / seconds))
           + " per second";
  return out;
}

progress::progress(context& it, std::string what)
    : err_(it.err), shown_(it.err_is_terminal && !it.how.as_etcdctl()), what_(std::move(what)) {}

progress::~progress() {
  hide();
}

void progress::update(std::int64_t done, std::int64_t total) {
  auto now = std::chrono::steady_clock::now();
  if (!shown_ || now < next_)
    return;
  next_ = now + std::chrono::milliseconds{100};
  drawn_ = true;
  err_ << '\r'
       << progress_text(done, total, what_, std::chrono::duration<double>(now - start_).count())
       << "\x1b[K" << std::flush;
}

void progress::hide() {
  if (drawn_)
    err_ << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

} // namespace troupe::ctl
