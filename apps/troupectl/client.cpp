#include "apps/troupectl/client.hpp"

#include "apps/troupectl/endpoint.hpp"
#include "apps/troupectl/exit.hpp"

#include <cstdlib>
#include <fstream>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/sync_stream.h>
#include <sstream>

namespace troupe::ctl {

namespace {

using google::protobuf::Message;
using std::chrono::nanoseconds;
using std::chrono::system_clock;

system_clock::time_point deadline_in(nanoseconds span) {
  return system_clock::now() + std::chrono::duration_cast<system_clock::duration>(span);
}

std::string read_file(const std::string& path) {
  if (path.empty())
    return {};
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file)
    throw command_failed(exit_bad_arguments, "open " + path + ": no such file or directory");
  return text.str();
}

bool wants_tls(const endpoint& one, const client_options& options) {
  if (one.wanted != endpoint::security::by_flags)
    return one.wanted == endpoint::security::tls;
  return !options.insecure || !options.tls.ca.empty() || !options.tls.certificate.empty();
}

std::shared_ptr<grpc::ChannelCredentials> credentials(const endpoint& one,
                                                      const client_options& options) {
  if (!wants_tls(one, options))
    return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials(
    {read_file(options.tls.ca), read_file(options.tls.key), read_file(options.tls.certificate)});
}

int milliseconds(nanoseconds span) {
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(span).count());
}

grpc::ChannelArguments channel_arguments(const client_options& options) {
  constexpr int default_request_bytes = 2 << 20;
  grpc::ChannelArguments result;
  result.SetMaxSendMessageSize(options.max_request_bytes > 0 ? options.max_request_bytes
                                                             : default_request_bytes);
  result.SetMaxReceiveMessageSize(options.max_receive_bytes > 0 ? options.max_receive_bytes : -1);
  // As Go does: never more often than every 10 s.
  auto time = std::max<nanoseconds>(options.keepalive_time, std::chrono::seconds{10});
  result.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(time));
  result.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(options.keepalive_timeout));
  result.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  result.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  result.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  result.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Clients in one process share no connection: `check perf` counts on it.
  result.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return result;
}

std::string path_of(rpc_method method) {
  const auto& shape = shape_of(method);
  return "/" + std::string{shape.service} + "/" + std::string{shape.name};
}

/// Our own deadlines and cancellations read as Go's contexts say them.
std::string text_of(int status, const std::string& message) {
  if (status == status_deadline_exceeded && message == "Deadline Exceeded")
    return "context deadline exceeded";
  if (status == status_canceled && message == "CANCELLED")
    return "context canceled";
  return call_problem(status, message);
}

} // namespace

call_failed::call_failed(int status, std::string message)
    : std::runtime_error(text_of(status, message)), status(status), message(std::move(message)) {}

struct stream::impl {
  std::string path;
  std::shared_ptr<grpc::Channel> channel; // outlives the call
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> calls;
};

stream::stream(std::unique_ptr<impl> it) : impl_(std::move(it)) {}

stream::~stream() {
  impl_->context.TryCancel();
}

bool stream::write(const Message& request) {
  grpc::ByteBuffer bytes;
  bool own = false;
  auto done = grpc::SerializationTraits<Message>::Serialize(request, &bytes, &own);
  return done.ok() && impl_->calls->Write(bytes);
}

bool stream::end_writing() {
  return impl_->calls->WritesDone();
}

bool stream::read(Message& response) {
  grpc::ByteBuffer bytes;
  return impl_->calls->Read(&bytes)
         && grpc::SerializationTraits<Message>::Deserialize(&bytes, &response).ok();
}

void stream::cancel() {
  impl_->context.TryCancel();
}

void stream::finish() {
  auto status = impl_->calls->Finish();
  if (!status.ok())
    throw call_failed(status.error_code(), status.error_message());
}

namespace {

/// What keeps a channel from connecting: gRPC tells it only to a call that does not wait.
std::string connection_problem(grpc::Channel& channel) {
  auto path = path_of(rpc_method::health_check);
  grpc::ClientContext context;
  context.set_deadline(deadline_in(std::chrono::milliseconds{100}));
  grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
  etcdserverpb::StatusRequest nothing; // as empty as what the method takes
  etcdserverpb::ResponseHeader ignored;
  return grpc::internal::BlockingUnaryCall<Message, Message, Message, Message>(
           &channel, rpc, &context, nothing, &ignored)
    .error_message();
}

call_failed no_connection(grpc::Channel& channel) {
  call_failed result(status_deadline_exceeded, "Deadline Exceeded");
  result.detail = connection_problem(channel);
  return result;
}

} // namespace

struct client::impl {
  client_options options;
  std::vector<std::shared_ptr<grpc::Channel>> channels; // one per endpoint
  std::shared_ptr<grpc::Channel> chosen;                // the one that answered first

  /// A connected channel. @throws call_failed at `deadline`
  std::shared_ptr<grpc::Channel> connected(system_clock::time_point deadline);

private:
  std::shared_ptr<grpc::Channel> first_ready();
};

std::shared_ptr<grpc::Channel> client::impl::first_ready() {
  for (const auto& one : channels)
    if (one->GetState(true) == GRPC_CHANNEL_READY)
      return one;
  return nullptr;
}

std::shared_ptr<grpc::Channel> client::impl::connected(system_clock::time_point deadline) {
  if (chosen != nullptr && chosen->GetState(true) == GRPC_CHANNEL_READY)
    return chosen;
  if (channels.size() == 1)
    channels[0]->WaitForConnected(deadline);
  // With more than one: waits on the first and looks at the others every few milliseconds.
  for (chosen = first_ready(); chosen == nullptr && system_clock::now() < deadline;
       chosen = first_ready())
    channels[0]->WaitForStateChange(channels[0]->GetState(true),
                                    deadline_in(std::chrono::milliseconds{5}));
  if (chosen == nullptr)
    throw no_connection(*channels[0]);
  return chosen;
}

client::client(client_options options) : impl_(std::make_unique<impl>()) {
  // What gRPC would log reaches the user as the text of an error; its variable still turns it on.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  impl_->options = std::move(options);
  if (impl_->options.endpoints.empty())
    throw command_failed(exit_bad_connection, "etcdclient: no available endpoints");
  for (const auto& text : impl_->options.endpoints) {
    auto one = read_endpoint(text);
    impl_->channels.push_back(grpc::CreateCustomChannel(
      one.target, credentials(one, impl_->options), channel_arguments(impl_->options)));
  }
}

client::~client() = default;

const client_options& client::options() const {
  return impl_->options;
}

void client::call(rpc_method method, const Message& request, Message& response,
                  nanoseconds timeout) {
  auto path = path_of(method);
  auto patience = std::min<nanoseconds>(
    timeout, std::max(impl_->options.command_timeout, impl_->options.dial_timeout));
  auto channel = impl_->connected(deadline_in(patience));
  grpc::ClientContext context;
  context.set_deadline(deadline_in(timeout));
  grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
  auto status = grpc::internal::BlockingUnaryCall<Message, Message, Message, Message>(
    channel.get(), rpc, &context, request, &response);
  if (!status.ok())
    throw call_failed(status.error_code(), status.error_message());
}

std::unique_ptr<stream> client::open(rpc_method method, bool require_leader,
                                     std::optional<nanoseconds> timeout) {
  auto it = std::make_unique<stream::impl>();
  it->path = path_of(method);
  it->channel = impl_->connected(
    deadline_in(std::max(impl_->options.command_timeout, impl_->options.dial_timeout)));
  if (require_leader)
    it->context.AddMetadata("hasleader", "true");
  if (timeout)
    it->context.set_deadline(deadline_in(*timeout));
  grpc::internal::RpcMethod rpc(it->path.c_str(), grpc::internal::RpcMethod::BIDI_STREAMING);
  it->calls.reset(
    grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>::Create(
      it->channel.get(), rpc, &it->context));
  return std::make_unique<stream>(std::move(it));
}

} // namespace troupe::ctl
