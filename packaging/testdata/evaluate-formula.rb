# Evaluates a formula without Homebrew, for one kind of machine, in the directory of its
# unpacked archive, and says in JSON what it asks for:
#
#   ruby evaluate-formula.rb FORMULA arm|intel PREFIX
#
# What is here is no more than what the formula uses, as https://docs.brew.sh/Formula-Cookbook
# describes it.
require "fileutils"
require "json"
require "pathname"

class Pathname
  def install(*sources)
    sources.flatten.each do |source|
      pairs = source.is_a?(Hash) ? source : { source => File.basename(source) }
      pairs.each do |from, to|
        raise "no #{from} in the archive" unless File.exist?(from)

        mkpath
        FileUtils.cp(from, self/to)
      end
    end
  end
end

class Formula
  @@said = { "dependencies" => [] }
  @@checks = nil

  class << self
    %w[desc homepage version license url sha256].each do |name|
      define_method(name) { |text| @@said[name] = text }
    end
    def depends_on(what) = @@said["dependencies"] << what.to_s
    def on_arm = ARGV[1] == "arm" && yield
    def on_intel = ARGV[1] == "intel" && yield
    def test(&checks) = @@checks = checks
    def said = @@said
  end

  def version = @@said["version"]
  def prefix = Pathname(ARGV[2])
  def bin = prefix/"bin"
  def man1 = prefix/"share/man/man1"
  def bash_completion = prefix/"etc/bash_completion.d"
  def zsh_completion = prefix/"share/zsh/site-functions"
  def fish_completion = prefix/"share/fish/vendor_completions.d"

  def run_test = instance_eval(&@@checks)
  def shell_output(command) = (@@said["test"] = command) && "veriffs #{version}\n"
  def assert_match(want, got) = got.include?(want) || raise("no #{want} in #{got}")
end

load ARGV[0]
formula = Veriffs.new
formula.install
formula.run_test
puts JSON.generate(Formula.said.merge("caveats" => formula.caveats))
