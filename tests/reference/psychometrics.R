# Psychometrics by psych and lavaan, to tests/reference/psychometrics.json.
# Data: tests/reference/answers.csv (made here once with a fixed seed: 400 rows, two groups, six items of 1 to 5).
# Run from the project's root: Rscript tests/reference/psychometrics.R
suppressPackageStartupMessages({library(psych); library(lavaan); library(jsonlite)})
set.seed(7)
n <- 400
group <- rep(c("da", "sv"), each = n / 2)
factor <- rnorm(n, mean = ifelse(group == "sv", 0.4, 0), sd = ifelse(group == "sv", 1.2, 1))
loadings <- c(.9, .8, .7, .8, .6, .7)
latent <- outer(factor, loadings) + matrix(rnorm(n * 6, sd = .8), n)
extra <- rnorm(n) # items 1 and 2 share something more, and item 6 differs between the groups: one factor is not the truth
latent[, 1:2] <- latent[, 1:2] + .6 * extra
latent[group == "sv", 6] <- latent[group == "sv", 6] - .5
answers <- apply(latent, 2, function(v) findInterval(v, c(-1.2, -.4, .4, 1.2)) + 1)
colnames(answers) <- paste0("i", 1:6)
data <- data.frame(answers, group = group)
write.csv(data, "tests/reference/answers.csv", row.names = FALSE, quote = FALSE)

a <- psych::alpha(data[, 1:6])
poly <- psych::polychoric(data[, 1:6], correct = 0)$rho
model <- paste("f =~", paste(colnames(answers), collapse = " + "))
fit <- function(...) lavaan::cfa(model, data = data, std.lv = TRUE, meanstructure = TRUE, likelihood = "normal", ...)
measures <- c("chisq", "df", "rmsea", "cfi", "srmr")
one <- fit()
groups <- list(
  nothing = lavaan::cfa(model, data, group = "group", std.lv = TRUE, meanstructure = TRUE),
  loadings = lavaan::cfa(model, data, group = "group", group.equal = "loadings", std.lv = TRUE, meanstructure = TRUE),
  "loadings and intercepts" = lavaan::cfa(model, data, group = "group", group.equal = c("loadings", "intercepts"),
                                          std.lv = TRUE, meanstructure = TRUE)
)
numbers <- function(f) as.list(fitMeasures(f, measures))
out <- list(
  alpha = a$total$raw_alpha,
  item_rest = unname(a$item.stats$r.drop),
  polychoric = unname(poly),
  one = c(numbers(one), list(loadings = unname(lavInspect(one, "est")$lambda[, 1]))),
  groups = lapply(groups, numbers),
  factor_mean = unname(lavInspect(groups[[3]], "est")[["sv"]]$alpha[1]),
  factor_variance = unname(lavInspect(groups[[3]], "est")[["sv"]]$psi[1]),
  versions = list(r = R.version.string, psych = as.character(packageVersion("psych")),
                  lavaan = as.character(packageVersion("lavaan")))
)
write(toJSON(out, digits = 12, auto_unbox = TRUE, pretty = TRUE), "tests/reference/psychometrics.json")
