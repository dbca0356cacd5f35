#include "apps/troupectl/safe_text.hpp"

#include "apps/troupectl/go_text.hpp"

namespace troupe::ctl {

namespace {

/// C0, DEL and C1; the embeddings, overrides and isolates of bidirectional text; the separators of
/// lines and paragraphs.
bool is_dangerous(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x200e || code == 0x200f
         || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

std::string escaped(char32_t code) {
  switch (code) {
  case '\n':
    return "\\n";
  case '\t':
    return "\\t";
  case '\r':
    return "\\r";
  default:
    return code < 0x80 ? "\\x" + go::hex(code, 2) : "\\u" + go::hex(code, 4);
  }
}

std::string safe(std::string_view bytes, std::string_view kept) {
  std::string out;
  while (!bytes.empty()) {
    auto next = go::first_rune(bytes);
    bool stays = kept.find(bytes[0]) != kept.npos;
    if (!next.valid)
      out += "\\x" + go::hex(static_cast<unsigned char>(bytes[0]), 2);
    else if (is_dangerous(next.code) && !stays)
      out += escaped(next.code);
    else
      out += bytes.substr(0, next.length);
    bytes.remove_prefix(next.length);
  }
  return out;
}

} // namespace

std::string safe_text(std::string_view bytes) {
  return safe(bytes, "\n\t");
}

std::string safe_line(std::string_view bytes) {
  return safe(bytes, "");
}

std::string safe_text_if(bool wanted, std::string_view bytes) {
  return wanted ? safe_text(bytes) : std::string{bytes};
}

bool is_safe(std::string_view bytes) {
  return safe_line(bytes) == bytes;
}

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    auto next = go::first_rune(bytes);
    if (!next.valid)
      return false;
    bytes.remove_prefix(next.length);
  }
  return true;
}

} // namespace troupe::ctl
