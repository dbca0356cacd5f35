#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace troupe {

/// Immutable bytes shared by reference count. The body of a request is one blob from the socket to
/// the log record and the state machine; a slice keeps the whole it was cut from alive.
class blob {
public:
  blob() = default;

  explicit blob(std::string bytes) : blob(std::make_shared<const std::string>(std::move(bytes))) {}

  /// For short ones: one piece of memory, where a string that is taken over means two.
  static blob copy_of(std::string_view bytes) {
    auto owner = std::make_shared_for_overwrite<char[]>(bytes.size());
    std::ranges::copy(bytes, owner.get());
    return blob{owner, {owner.get(), bytes.size()}};
  }

  std::string_view view() const {
    return view_;
  }

  std::size_t size() const {
    return view_.size();
  }

  bool empty() const {
    return view_.empty();
  }

  /// Bytes [pos, pos + length), cut at the end. @throws std::out_of_range if pos > size().
  blob slice(std::size_t pos, std::size_t length = std::string_view::npos) const {
    return blob{owner_, view_.substr(pos, length)};
  }

  /// This and `next` as one slice, if `next` follows it in the same buffer.
  std::optional<blob> joined(const blob& next) const {
    if (!owner_ || owner_ != next.owner_ || view_.data() + view_.size() != next.view_.data())
      return std::nullopt;
    return blob{owner_, {view_.data(), view_.size() + next.view_.size()}};
  }

  friend bool operator==(const blob& a, const blob& b) {
    return a.view_ == b.view_;
  }

private:
  explicit blob(std::shared_ptr<const std::string> whole)
      : view_(*whole), owner_(std::move(whole)) {}

  blob(std::shared_ptr<const void> owner, std::string_view view)
      : view_(view), owner_(std::move(owner)) {}

  std::string_view view_;
  std::shared_ptr<const void> owner_;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, blob& x) {
  std::string bytes{x.view()};
  if constexpr (Inspector::writes_state) {
    auto result = f(bytes);
    x = blob{std::move(bytes)};
    return result;
  } else {
    return f(bytes);
  }
}

} // namespace troupe
