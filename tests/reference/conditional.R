# Reference numbers for tests/test_conditional.py.
# Run with: Rscript tests/reference/conditional.R   (R's survival package)
# Writes infert.csv, panel.csv and conditional.json beside this file.
#
# Estimates: survival::clogit(method = "exact"). It has neither weights nor robust errors for the exact method;
# weights are copies of groups here, and the scores of the groups come from enumerating every subset.
suppressMessages(library(survival))
here <- "tests/reference"
number <- function(x) sprintf("%.17g", as.numeric(x))
array <- function(x) paste0("[", paste(number(x), collapse = ","), "]")
field <- function(name, value) paste0("\"", name, "\":", value)
control <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50)

infert <- datasets::infert[, c("case", "spontaneous", "induced", "age", "parity", "stratum")]
write.csv(infert, file.path(here, "infert.csv"), row.names = FALSE)
# a panel of a recurrent outcome: units of 4 to 9 rows in 8 regions, any number of events
set.seed(11)
sizes <- sample(4:9, 60, replace = TRUE)
panel <- data.frame(unit = rep(seq_along(sizes), sizes))
panel$region <- 1 + panel$unit %% 8
panel$half <- 1 + (panel$unit %/% 3) %% 5
panel$w <- 1 + panel$unit %% 3
panel$x <- round(rnorm(nrow(panel)), 3)
panel$z <- sample(c("a", "b", "c"), nrow(panel), replace = TRUE)
panel$y <- as.integer(runif(nrow(panel)) < plogis(rnorm(length(sizes))[panel$unit] + 0.8 * panel$x - 0.6 * (panel$z == "b")))
write.csv(panel, file.path(here, "panel.csv"), row.names = FALSE)

numbers <- function(name, fit, extra = NULL) paste0("{", paste(c(field("name", paste0("\"", name, "\"")), field("coef", array(coef(fit))),
  field("std_error", array(sqrt(diag(vcov(fit))))), field("loglik", number(fit$loglik[2])), extra), collapse = ","), "}")

panel_formula <- y ~ x + z + strata(unit)
exact <- clogit(panel_formula, panel, method = "exact", control = control)
copies <- do.call(rbind, lapply(1:3, function(k) { part <- panel[panel$w >= k, ]; part$unit <- part$unit + 1000 * k; part }))
weighted <- clogit(panel_formula, copies, method = "exact", control = control)

# scores of the groups by enumeration, in the exact information of the fit
x <- model.matrix(~ x + z, panel)[, -1]
score <- t(sapply(split(seq_len(nrow(panel)), panel$unit), function(rows) {
  k <- sum(panel$y[rows]); own <- x[rows, , drop = FALSE]
  if (k == 0 || k == length(rows)) return(rep(0, ncol(x)))
  sums <- t(combn(length(rows), k, function(s) colSums(own[s, , drop = FALSE])))
  odds <- exp(drop(sums %*% coef(exact)))
  colSums(own[panel$y[rows] == 1, , drop = FALSE]) - colSums(odds * sums) / sum(odds)
}))
stopifnot(max(abs(colSums(score))) < 1e-9)
sandwich_of <- function(code) crossprod(rowsum(score, code))
heads <- panel[!duplicated(panel$unit), ]
bread <- vcov(exact)
errors <- function(meat) array(sqrt(diag(bread %*% meat %*% bread)))
meats <- list(sandwich_of(heads$unit), sandwich_of(heads$region), sandwich_of(heads$region) + sandwich_of(heads$half) -
  sandwich_of(paste(heads$region, heads$half)))
cases <- c(
  numbers("infert", clogit(case ~ spontaneous + induced + strata(stratum), infert, method = "exact", control = control)),
  numbers("panel", exact, c(field("robust", errors(meats[[1]])), field("cluster", errors(meats[[2]])), field("two_way", errors(meats[[3]])))),
  numbers("panel weights", weighted)
)
versions <- paste(R.version.string, "survival", packageVersion("survival"))
writeLines(paste0("{", field("versions", paste0("\"", versions, "\"")), ",\n", field("cases", paste0("[\n", paste(cases, collapse = ",\n"), "]")), "}"),
  file.path(here, "conditional.json"))
