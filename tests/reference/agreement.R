# Weighted kappa by psych (estimates) and vcd (errors), intraclass correlations by psych; writes
# tests/reference/agreement.json. psych 2.2.9 forms the row means of the weights with each row's own share, not the
# other rater's, so that its variance of a weighted kappa is not that of Fleiss, Cohen & Everitt; vcd's is.
# Run from the tree's root: Rscript tests/reference/agreement.R
suppressPackageStartupMessages({library(psych); library(vcd); library(jsonlite)})

set.seed(20130701)
n <- 120
true <- rnorm(n)
cut5 <- function(x) findInterval(x, c(-1.2, -.4, .4, 1.3)) + 1
first <- cut5(true + rnorm(n, sd = .7))
second <- cut5(true + .3 + rnorm(n, sd = .7))
third <- cut5(true - .2 + rnorm(n, sd = 1))
first[1:5] <- 1:5
second[1:5] <- 1:5

apart <- abs(outer(1:5, 1:5, "-"))
weights <- list(none = diag(5), linear = 1 - apart / 4, quadratic = 1 - (apart / 4)^2)
kappas <- lapply(names(weights), function(name) {
  fit <- cohen.kappa(cbind(first, second), w = weights[[name]])
  own <- Kappa(table(factor(first, 1:5), factor(second, 1:5)), weights = weights[[name]])
  list(name = name, estimate = fit$weighted.kappa, std_error = own$Weighted[["ASE"]],
       estimate_vcd = own$Weighted[["value"]])
})

# Shrout and Fleiss's own table of six persons and four judges, and the three raters above.
shrout <- matrix(c(9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7), ncol = 4, byrow = TRUE)
tables <- list(shrout = shrout, three = cbind(first, second, third), two = cbind(first, second))
iccs <- lapply(names(tables), function(name) {
  fit <- ICC(tables[[name]], lmer = FALSE, missing = FALSE, alpha = .05)$results
  list(name = name, table = tables[[name]], estimate = fit$ICC, low = fit[["lower bound"]], high = fit[["upper bound"]],
       f = fit$F, df1 = fit$df1, df2 = fit$df2, p = fit$p)
})

write_json(
  list(versions = list(R = R.version.string, psych = as.character(packageVersion("psych")),
                       vcd = as.character(packageVersion("vcd"))),
       pairs = list(first = first, second = second), kappa = kappas, icc = iccs),
  "tests/reference/agreement.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
