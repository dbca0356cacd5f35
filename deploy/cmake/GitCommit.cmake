# Run at build time: cmake -DSOURCE=version.cpp.in -DTARGET=version.cpp -D... -P GitCommit.cmake
# Writes the commit into TARGET; leaves the file alone, and thus everything up to date, if nothing changed.
execute_process(
  COMMAND git describe --always --dirty --abbrev=12 --exclude=*
  WORKING_DIRECTORY ${REPOSITORY}
  OUTPUT_VARIABLE GIT_COMMIT
  OUTPUT_STRIP_TRAILING_WHITESPACE
  ERROR_QUIET)
if(NOT GIT_COMMIT)
  set(GIT_COMMIT unknown)
endif()
configure_file(${SOURCE} ${TARGET} @ONLY)
