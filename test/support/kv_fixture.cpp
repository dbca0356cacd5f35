#include "test/support/kv_fixture.hpp"

namespace troupe::test {

namespace {

std::string failed(errc error) {
  return "error: " + to_string(error);
}

} // namespace

void kv_fixture::SetUp() {
  if (GetParam() == "model")
    backend = std::make_unique<model_backend>();
  else
    backend = std::make_unique<store_backend>();
}

template <class Request, class Response>
std::string
kv_fixture::write(const std::string& text,
                  const std::function<errc(mvcc::write_txn&, const Request&, Response&)>& apply) {
  auto request = parse<Request>(text);
  if (auto error = service::check(request); error != errc::none)
    return failed(error);
  auto before = contents();
  Response response;
  auto transaction = backend->begin();
  auto error = apply(*transaction, request, response);
  EXPECT_TRUE(error == errc::none || !transaction->changed()) << text;
  transaction.reset();
  backend->commit();
  if (error == errc::none)
    return response.ShortDebugString();
  EXPECT_EQ(contents(), before) << "left behind by " << text;
  return failed(error);
}

std::string kv_fixture::put(const std::string& text) {
  return write<etcdserverpb::PutRequest, etcdserverpb::PutResponse>(
    text, [this](auto& transaction, const auto& request, auto& response) {
      return apply::apply(transaction, request, response, leases);
    });
}

std::string kv_fixture::delete_range(const std::string& text) {
  return write<etcdserverpb::DeleteRangeRequest, etcdserverpb::DeleteRangeResponse>(
    text, [](auto& transaction, const auto& request, auto& response) {
      return apply::apply(transaction, request, response);
    });
}

std::string kv_fixture::txn(const std::string& text) {
  return write<etcdserverpb::TxnRequest, etcdserverpb::TxnResponse>(
    text, [this](auto& transaction, const auto& request, auto& response) {
      return apply::apply(transaction, request, response, leases);
    });
}

std::string kv_fixture::read_txn(const std::string& text) {
  auto request = parse<etcdserverpb::TxnRequest>(text);
  if (auto error = service::check(request); error != errc::none)
    return failed(error);
  EXPECT_TRUE(service::is_read_only(request)) << text;
  etcdserverpb::TxnResponse response;
  auto error = apply::evaluate(*backend->snapshot(), request, response);
  return error == errc::none ? response.ShortDebugString() : failed(error);
}

std::string kv_fixture::range(const std::string& text) {
  auto request = parse<etcdserverpb::RangeRequest>(text);
  if (auto error = service::check(request); error != errc::none)
    return failed(error);
  etcdserverpb::RangeResponse response;
  auto error = read::evaluate(*backend->snapshot(), request, response);
  return error == errc::none ? response.ShortDebugString() : failed(error);
}

std::string kv_fixture::compact(std::int64_t revision) {
  auto error = apply::check_compaction(*backend->snapshot(), revision);
  if (error == errc::none)
    backend->compact(revision);
  return to_string(error);
}

std::string kv_fixture::contents() {
  return range(R"(key: "\000" range_end: "\000")");
}

} // namespace troupe::test
