#include "apps/troupectl/interrupt.hpp"

#include <array>
#include <csignal>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>

namespace troupe::ctl {

namespace {

int checked(int descriptor) {
  if (descriptor < 0)
    throw std::system_error(errno, std::generic_category(), "signals cannot be read");
  return descriptor;
}

int open_signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
  return checked(signalfd(-1, &wanted, SFD_CLOEXEC));
}

} // namespace

interrupt::interrupt(std::function<void()> on_signal)
    : signals_(open_signals()), stop_(checked(eventfd(0, EFD_CLOEXEC))),
      waiter_([this, on_signal = std::move(on_signal)] {
        std::array<pollfd, 2> waited{{{signals_, POLLIN, 0}, {stop_, POLLIN, 0}}};
        while (poll(waited.data(), waited.size(), -1) < 0 && errno == EINTR) {
        }
        if (waited[0].revents != 0)
          on_signal();
      }) {}

interrupt::~interrupt() {
  eventfd_write(stop_, 1);
  waiter_.join();
  close(stop_);
  close(signals_);
}

} // namespace troupe::ctl
