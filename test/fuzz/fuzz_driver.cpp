// Runs a libFuzzer target without libFuzzer: every file of the corpus as it is, then seeded
// mutations of them. An input that fails is written to `fuzz-failure` in the working directory
// before the program ends.
//
// usage: TARGET CORPUS_DIRECTORY [ITERATIONS [SEED]]     or: TARGET FILE     to repeat one input

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using input = std::vector<std::uint8_t>;

constexpr std::size_t max_input_bytes = 4'096;

const input* running = nullptr;

void keep_failure() {
  if (running == nullptr)
    return;
  std::ofstream file{"fuzz-failure", std::ios::binary};
  file.write(reinterpret_cast<const char*>(running->data()),
             static_cast<std::streamsize>(running->size()));
}

void run(const input& bytes) {
  running = &bytes;
  try {
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  } catch (const std::exception& e) {
    keep_failure();
    std::fprintf(stderr, "input of %zu bytes kept in fuzz-failure: %s\n", bytes.size(), e.what());
    std::exit(1);
  }
  running = nullptr;
}

input read_file(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

class mutator {
public:
  explicit mutator(std::uint64_t seed) : random_(seed) {}

  input mutate(const std::vector<input>& corpus) {
    auto result = pick(corpus);
    for (auto steps = below(8) + 1; steps > 0; --steps)
      step(result, corpus);
    if (result.size() > max_input_bytes)
      result.resize(max_input_bytes);
    return result;
  }

private:
  std::size_t below(std::size_t bound) {
    return bound == 0 ? 0 : random_() % bound;
  }

  const input& pick(const std::vector<input>& corpus) {
    return corpus[below(corpus.size())];
  }

  void step(input& x, const std::vector<input>& corpus) {
    auto at = static_cast<std::ptrdiff_t>(below(x.size() + 1));
    auto place = x.begin() + at;
    auto left = x.size() - static_cast<std::size_t>(at);
    switch (below(7)) {
    case 0: // flip a bit
      if (left > 0)
        *place ^= static_cast<std::uint8_t>(1u << below(8));
      break;
    case 1: // another byte, often an extreme one
      if (left > 0)
        *place = static_cast<std::uint8_t>(below(2) ? extremes[below(6)] : below(256));
      break;
    case 2: // leave out
      x.erase(place, place + static_cast<std::ptrdiff_t>(std::min(left, below(40))));
      break;
    case 3: // say again
    {
      input part{place, place + static_cast<std::ptrdiff_t>(std::min(left, below(60)))};
      for (auto times = below(20); times > 0 && x.size() < max_input_bytes; --times)
        x.insert(x.begin() + at, part.begin(), part.end());
      break;
    }
    case 4: // noise
      for (auto count = below(16); count > 0; --count)
        x.insert(x.begin() + at, static_cast<std::uint8_t>(below(256)));
      break;
    case 5: // go on as another input
    {
      const auto& other = pick(corpus);
      auto from = other.begin() + static_cast<std::ptrdiff_t>(below(other.size()));
      x.erase(place, x.end());
      x.insert(x.end(), from, other.end());
      break;
    }
    case 6: // end here
      x.erase(place, x.end());
      break;
    }
  }

  static constexpr std::uint8_t extremes[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};

  std::mt19937_64 random_;
};

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY [ITERATIONS [SEED]] | FILE\n", argv[0]);
    return 2;
  }
  std::filesystem::path place{argv[1]};
  if (!std::filesystem::is_directory(place)) {
    run(read_file(place));
    return 0;
  }
  std::vector<input> corpus;
  std::vector<std::filesystem::path> paths{std::filesystem::directory_iterator{place}, {}};
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths)
    corpus.push_back(read_file(path));
  if (corpus.empty()) {
    std::fprintf(stderr, "no corpus in %s\n", argv[1]);
    return 2;
  }
  for (auto signal : {SIGABRT, SIGSEGV, SIGFPE})
    std::signal(signal, [](int number) {
      keep_failure();
      std::signal(number, SIG_DFL);
      std::raise(number);
    });
  for (const auto& bytes : corpus)
    run(bytes);
  auto iterations = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100'000;
  mutator mutations{argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1};
  for (unsigned long long i = 0; i < iterations; ++i)
    run(mutations.mutate(corpus));
  std::printf("%zu inputs and %llu mutations passed\n", corpus.size(), iterations);
}
