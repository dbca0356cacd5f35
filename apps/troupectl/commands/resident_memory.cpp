#include "apps/troupectl/commands/resident_memory.hpp"

#include "apps/troupectl/endpoint.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace troupe::ctl {

namespace {

namespace http = boost::beast::http;
using tcp = boost::asio::ip::tcp;

std::string fetch_metrics(const std::string& target) {
  auto colon = target.rfind(':');
  auto host = target.substr(0, colon);
  auto port = colon == target.npos ? std::string{"80"} : target.substr(colon + 1);
  boost::asio::io_context io;
  tcp::socket socket(io);
  boost::asio::connect(socket, tcp::resolver(io).resolve(host, port));
  http::request<http::empty_body> request(http::verb::get, "/metrics", 11);
  request.set(http::field::host, target);
  request.set(http::field::connection, "close");
  http::write(socket, request);
  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(64 << 20);
  http::read(socket, buffer, parser);
  return parser.get().body();
}

} // namespace

resident_memory resident_memory_in(std::string_view page) {
  constexpr std::string_view name = "process_resident_memory_bytes ";
  auto at = page.starts_with(name) ? 0 : page.find("\n" + std::string{name});
  if (at == page.npos)
    return {0, "could not find: process_resident_memory_bytes"};
  auto line = page.substr(page.find(name, at) + name.size());
  return {std::strtod(std::string{line.substr(0, line.find('\n'))}.c_str(), nullptr), {}};
}

resident_memory resident_memory_of(std::string_view text) {
  auto one = read_endpoint(text);
  if (one.wanted == endpoint::security::tls || one.target.starts_with("unix:"))
    return {0, "fetch error: " + std::string{text} + ": only http is supported here"};
  try {
    return resident_memory_in(fetch_metrics(one.target));
  } catch (const boost::system::system_error& error) {
    return {0, std::string{"fetch error: "} + error.what()};
  }
}

} // namespace troupe::ctl
